import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');

/** The reasons that OPERATING.md explains: what stands between backquotes in the first column of its first tables. */
async function explained(): Promise<string[]> {
  const page = await readFile(resolve(root, 'OPERATING.md'), 'utf8');
  const section = page.split(/^## /m).find((part) => part.startsWith('At three in the morning')) ?? '';
  const cells = [...section.matchAll(/^\| ([^|]*)\|/gm)].map(([, cell = '']) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]*)`/g)].map(([, reason = '']) => reason));
}

async function programText(): Promise<string> {
  const names = await readdir(resolve(root, 'src'), { recursive: true });
  const files = names.filter((name) => name.endsWith('.ts'));
  const texts = await Promise.all(files.map(async (name) => await readFile(resolve(root, 'src', name), 'utf8')));
  return texts.join('\n');
}

/** The words of a reason; `…` and `<…>` stand for what differs. */
function wordsOf(reason: string): string[] {
  return reason
    .split(/…|<[^>]*>/)
    .map((words) => words.trim().replace(/^[:;] /, ''))
    .filter((words) => /\w{3}/.test(words));
}

test('every reason that OPERATING.md explains is one that the program gives', async () => {
  const reasons = await explained();
  const program = await programText();
  expect(reasons.length).toBeGreaterThan(20);
  expect(reasons.flatMap(wordsOf).filter((words) => !program.includes(words))).toEqual([]);
});

test('every reason of the status document is explained', async () => {
  const known = (await explained()).flatMap(wordsOf);
  const status = (await readdir(resolve(root, 'src/replication'))).filter((name) => /^status.*\.ts$/.test(name));
  const texts = await Promise.all(
    status.map(async (name) => await readFile(resolve(root, 'src/replication', name), 'utf8')),
  );
  const sentences = texts.flatMap((text) =>
    [...text.matchAll(/`\$\{(?:name|policy)\}: ([^`]*)`/g)].map(([, sentence = '']) => sentence),
  );
  expect(sentences.length).toBeGreaterThan(10);
  const unexplained = sentences.filter((sentence) => !known.some((words) => sentence.includes(words)));
  // Whatever kept the latest pass from ending is said as it is.
  expect(unexplained).toEqual(['${reason}']);
});

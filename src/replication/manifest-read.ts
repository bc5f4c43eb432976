import { UsageError } from '../objects/errors.ts';
import { compareKeys, keyFromBytes, type Key } from '../objects/key.ts';
import { MerkleTree } from './merkle.ts';

/** One line of a manifest. */
export interface ManifestEntry {
  readonly key: Key;
  readonly sha256: string;
  /** Bytes; undefined where the manifest does not say. */
  readonly size: number | undefined;
  /** It was gone at the source already: its copies may have been deleted since. */
  readonly gone: boolean;
}

const entriesInPage = 1_000;

/** Reads either form of a manifest (see `manifest.ts`), or the sorted output of `sha256sum`. */
export class ManifestReader {
  readonly #name: string;
  readonly #bytes: AsyncIterable<Uint8Array>;
  readonly #tree = new MerkleTree();
  /** Decided by the first line: a key may look like anything. */
  #isTsv: boolean | undefined;
  #line = 0;

  /** @param name for messages */
  constructor(name: string, bytes: AsyncIterable<Uint8Array>) {
    this.#name = name;
    this.#bytes = bytes;
  }

  /** Of the lines that were read; undefined for a list of sums, which has none. */
  get merkleRoot(): string | undefined {
    return this.#isTsv === true ? this.#tree.root() : undefined;
  }

  /** In the order of the file, which is that of the keys. @throws UsageError for a file that is no manifest. */
  async *pages(): AsyncGenerator<readonly ManifestEntry[], void, undefined> {
    let page: ManifestEntry[] = [];
    let last: Key | undefined;
    for await (const line of this.#lines()) {
      const entry = this.#entry(line);
      if (entry === undefined) continue;
      if (last !== undefined && compareKeys(entry.key, last) <= 0)
        throw this.#wrong('it is not in the byte order of the keys');
      last = entry.key;
      page.push(entry);
      if (page.length < entriesInPage) continue;
      yield page;
      page = [];
    }
    yield page;
  }

  async *#lines(): AsyncGenerator<string, void, undefined> {
    let rest = '';
    for await (const chunk of this.#bytes) {
      const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        this.#line += 1;
        yield line;
      }
    }
    // Every line ends in a newline: what does not was cut off.
    this.#line += 1;
    if (rest !== '') throw this.#wrong('it ends in the middle of a line; the file is not whole');
  }

  #entry(line: string): ManifestEntry | undefined {
    if (line === '' || (line.startsWith('#') && this.#isTsv !== true && !isRow(line.split('\t')))) return undefined;
    this.#isTsv ??= isRow(line.split('\t'));
    return this.#isTsv ? this.#row(line) : this.#sum(line);
  }

  #row(line: string): ManifestEntry {
    const fields = line.split('\t');
    if (!isRow(fields)) throw this.#wrong('it is no line of a manifest');
    const [key = '', size, sha256 = '', , , state] = fields;
    this.#tree.add(Buffer.from(line, 'latin1'));
    return { key: keyOf(unescape(key)), sha256, size: Number(size), gone: state === 'gone' };
  }

  #sum(line: string): ManifestEntry {
    const [, escaped, sha256, name] = /^(\\?)([0-9a-f]{64}) [ *](.+)$/s.exec(line) ?? [];
    if (sha256 === undefined || name === undefined) {
      throw this.#wrong('it is neither a line of a manifest nor one of sha256sum');
    }
    return { key: keyOf(escaped === '' ? name : unescape(name)), sha256, size: undefined, gone: false };
  }

  #wrong(why: string): UsageError {
    return new UsageError(`${this.#name}, line ${this.#line}: ${why}`);
  }
}

function isRow([key = '', size = '', sha256 = '', , , state, ...more]: readonly string[]): boolean {
  const isEntry = key !== '' && /^\d+$/.test(size) && /^[0-9a-f]{64}$/.test(sha256);
  return isEntry && (state === 'present' || state === 'gone') && more.length === 0;
}

const unescaped: Readonly<Record<string, string>> = { '\\': '\\', n: '\n', r: '\r', t: '\t', 0: '\0' };

function unescape(text: string): string {
  return text.replaceAll(/\\([\\nrt0])/g, (_, letter: string) => unescaped[letter] ?? letter);
}

function keyOf(latin1: string): Key {
  return keyFromBytes(Buffer.from(latin1, 'latin1'));
}

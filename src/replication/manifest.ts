import type { Catalog } from '../catalog/catalog.ts';
import type { ObjectRow } from '../catalog/rows.ts';
import { isoTime } from '../objects/iso-time.ts';
import { keyToBytes, type Key } from '../objects/key.ts';
import { MerkleTree } from './merkle.ts';

/**
 * A sorted inventory of a policy, in two plain files that other programs can check (MANIFEST.md is its description):
 * - `tsv`: a line for each object whose SHA-256 is known, gone ones too: key, size, SHA-256, version, modification time,
 *   state; between tabs, in the byte order of the keys. The Merkle root is that of these lines.
 * - `sha256`: what `sha256sum` prints of the objects that are present, for `sha256sum --check`.
 */
export type ManifestFormat = 'tsv' | 'sha256';

/** What a manifest comes to. */
export interface ManifestTotals {
  readonly objects: number;
  readonly bytes: number;
  /** Objects that are left out, because nobody has read them yet. */
  readonly unknown: number;
  readonly merkleRoot: string;
}

/** Writes a manifest while its totals are counted; memory does not grow with the objects. */
export class Manifest {
  readonly #catalog: Catalog;
  readonly #policy: string;
  readonly #tree = new MerkleTree();
  #objects = 0;
  #bytes = 0;
  #unknown = 0;

  constructor(catalog: Catalog, policy: string) {
    this.#catalog = catalog;
    this.#policy = policy;
  }

  /** Of what was written as `tsv` so far. */
  get totals(): ManifestTotals {
    const [objects, bytes, unknown] = [this.#objects, this.#bytes, this.#unknown];
    return { objects, bytes, unknown, merkleRoot: this.#tree.root() };
  }

  /** The pieces of a file, in order. */
  async *write(format: ManifestFormat): AsyncGenerator<Buffer, void, undefined> {
    for await (const page of this.#catalog.scan(this.#policy, {})) {
      const lines = page.flatMap((row) => (format === 'tsv' ? this.#tsv(row) : sha256sumLine(row)) ?? []);
      yield Buffer.concat(lines.flatMap((line) => [line, newline]));
    }
  }

  #tsv(row: ObjectRow): Buffer | undefined {
    const line = tsvLine(row);
    if (line === undefined) {
      this.#unknown += 1;
      return undefined;
    }
    this.#objects += 1;
    this.#bytes += row.size;
    this.#tree.add(line);
    return line;
  }
}

const newline = Buffer.from('\n');

function tsvLine({ key, size, sha256, version, modifiedAt, state }: ObjectRow): Buffer | undefined {
  if (sha256 === null) return undefined;
  const fields = [latin1(key), String(size), sha256, latin1(version), isoTime(modifiedAt), state];
  return Buffer.from(fields.map((field) => escape(field)).join('\t'), 'latin1');
}

/** As coreutils write it: a line that begins with a backslash has its name escaped. */
function sha256sumLine({ key, sha256, state }: ObjectRow): Buffer | undefined {
  if (sha256 === null || state === 'gone') return undefined;
  const name = latin1(key);
  const escaped = name.replaceAll(/[\\\n\r]/g, escapedCharacter);
  return Buffer.from(`${escaped === name ? '' : '\\'}${sha256}  ${escaped}`, 'latin1');
}

/** A key's bytes as characters, so that bytes that are no UTF-8 stay what they are. */
function latin1(key: Key): string {
  return keyToBytes(key).toString('latin1');
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

function escape(text: string): string {
  return text.replaceAll(/[\\\n\r\t\0]/g, escapedCharacter);
}

function escapedCharacter(character: string): string {
  return escapes[character] ?? character;
}

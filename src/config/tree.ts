import { isAlias, isMap, isNode, isScalar, isSeq } from 'yaml';
import type { Alias, Node, Pair, YAMLMap, YAMLSeq } from 'yaml';
import { interpolate } from './interpolate.ts';
import type { ValueSources } from './interpolate.ts';
import { formatPath } from './problems.ts';
import type { Finding, Path } from './problems.ts';

export interface Tree {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Texts that contain something from the environment or a file, by formatted path, with the references as written. */
  readonly references: ReadonlyMap<string, string>;
  /** Offset in the file by formatted path: of the key, or of the list's entry. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Aliases may repeat a part of the file, but not multiply it without end. */
const maxNodes = 10_000;
const maxDepth = 32;

/** Turns YAML nodes into plain values, noting where each stands and replacing references in texts (never in keys). */
export function readTree(root: Node | null, sources: ValueSources): Tree {
  const reader = new TreeReader(sources);
  const value = root === null ? null : reader.read(root, []);
  return { value, findings: reader.findings, references: reader.references, offsets: reader.offsets };
}

class TreeReader implements Omit<Tree, 'value'> {
  readonly findings: Finding[] = [];
  readonly references = new Map<string, string>();
  readonly offsets = new Map<string, number>();
  readonly #sources: ValueSources;
  readonly #anchors = new Map<string, Node>();
  /** Anchored nodes being read now: an alias to one of them would contain itself. */
  readonly #open = new Set<Node>();
  #count = 0;

  constructor(sources: ValueSources) {
    this.#sources = sources;
  }

  read(node: unknown, path: Path): unknown {
    this.#count += 1;
    if (this.#count === maxNodes) this.#problem(path, `found more than ${maxNodes} values, aliases included`);
    if (this.#count >= maxNodes) return null;
    if (path.length > maxDepth) return this.#problem(path, `found more than ${maxDepth} levels`);
    if (isAlias(node)) return this.#alias(node, path);
    if (isMap(node)) return this.#anchored(node, () => this.#map(node, path));
    if (isSeq(node)) return this.#anchored(node, () => this.#list(node, path));
    if (isScalar(node)) return this.#anchored(node, () => this.#scalar(node.value, path));
    return null;
  }

  #anchored<T>(node: Node & { readonly anchor?: string }, read: () => T): T {
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    this.#open.add(node);
    try {
      return read();
    } finally {
      this.#open.delete(node);
    }
  }

  #alias(alias: Alias, path: Path): unknown {
    const node = this.#anchors.get(alias.source);
    if (node === undefined)
      return this.#problem(path, 'found an alias (`*…`) of an anchor that is not defined before it');
    if (this.#open.has(node)) return this.#problem(path, 'found an alias (`*…`) of a value that contains it');
    return this.read(node, path);
  }

  #list(list: YAMLSeq, path: Path): unknown[] {
    return list.items.map((item, index) => {
      const at = [...path, index];
      this.#place(at, item);
      return this.read(item, at);
    });
  }

  #map(map: YAMLMap, path: Path): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const pair of map.items) {
      const key = this.#key(pair, path);
      if (key === undefined) continue;
      const at = [...path, key];
      if (Object.hasOwn(value, key)) {
        this.#problem(at, 'found the same key twice; expected each key once', pair.key);
      } else {
        this.#place(at, pair.key);
        value[key] = this.read(pair.value, at);
      }
    }
    return value;
  }

  #key({ key }: Pair, path: Path): string | undefined {
    const name = isScalar(key) ? (key.source ?? '') : undefined;
    if (name === undefined) this.#problem(path, 'found a key that is not a plain text', key);
    else if (name === '<<') this.#problem(path, 'found a merge key (`<<`); repeat the keys, or use an alias', key);
    else if (name === '__proto__') this.#problem([...path, name], 'found an unknown key', key);
    else return name;
    return undefined;
  }

  #scalar(value: unknown, path: Path): unknown {
    if (typeof value !== 'string') return value;
    const { text, references, problems } = interpolate(value, this.#sources);
    for (const message of problems) this.findings.push({ path, message, unresolved: true });
    if (references.length > 0) this.references.set(formatPath(path), references.join(', '));
    return text;
  }

  #place(path: Path, node: unknown): void {
    const offset = offsetOf(node);
    if (offset !== undefined) this.offsets.set(formatPath(path), offset);
  }

  #problem(path: Path, message: string, node?: unknown): null {
    const offset = offsetOf(node);
    this.findings.push(offset === undefined ? { path, message } : { path, message, offset });
    return null;
  }
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

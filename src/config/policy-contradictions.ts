import { pairs } from './pairs.ts';
import type { Pieces, PolicyPiece } from './pieces.ts';
import { quote } from './problems.ts';
import type { Finding, Path } from './problems.ts';
import { didYouMean } from './suggest.ts';

/** What a policy may not say given the providers, and what two policies may not say together. */
export function policyContradictions({ policies, providers }: Pieces): readonly Finding[] {
  const names = [...providers.keys()];
  const numbered = policies.map((policy, index) => ({ policy, index }));
  return [
    ...numbered.flatMap(({ policy, index }) => [
      ...sourceOf(policy, index, names),
      ...targetsOf(policy, index, names),
      ...tooManyCopies(policy, index),
    ]),
    ...pairs(numbered).flatMap(([first, second]) => between(first, second)),
  ];
}

function sourceOf({ source }: PolicyPiece, index: number, names: readonly string[]): readonly Finding[] {
  return source === undefined ? [] : mustExist(source, ['policies', index, 'source'], names);
}

function targetsOf({ source, targets }: PolicyPiece, index: number, names: readonly string[]): readonly Finding[] {
  return targets.flatMap((target, position) => {
    if (target === undefined) return [];
    const path = ['policies', index, 'targets', position];
    if (target === source) {
      return [{ path, message: `found \`${target}\`, which is the source; expected another provider` }];
    }
    if (targets.indexOf(target) === position) return mustExist(target, path, names);
    return [{ path, message: `found \`${target}\` a second time; expected each target once` }];
  });
}

function mustExist(name: string, path: Path, names: readonly string[]): readonly Finding[] {
  if (names.includes(name)) return [];
  const expected = names.length === 0 ? 'a provider, and none is there' : `one of ${names.join(', ')}`;
  const message = `found ${quote(name)}, which is no provider in this file; expected ${expected}${didYouMean(name, names)}`;
  return [{ path, message }];
}

function tooManyCopies({ minCopies, targets }: PolicyPiece, index: number): readonly Finding[] {
  const distinct = targets.filter((target, position) => target === undefined || targets.indexOf(target) === position);
  if (minCopies === undefined || targets.length === 0 || minCopies <= distinct.length) return [];
  const message = `found ${minCopies}; expected at most ${distinct.length}, the number of targets`;
  return [{ path: ['policies', index, 'minCopies'], message }];
}

interface Numbered {
  readonly policy: PolicyPiece;
  readonly index: number;
}

function between(first: Numbered, second: Numbered): readonly Finding[] {
  const path = ['policies', second.index];
  const other = `\`policies[${first.index}]\``;
  const a = first.policy;
  const b = second.policy;
  return [
    ...(a.name !== undefined && a.name === b.name
      ? [{ path: [...path, 'name'], message: `found the name of ${other} again; expected each name once` }]
      : []),
    ...(prefixesOverlap(a, b) ? [...sharedTargets(a, b, other, path), ...mutualCopies(a, b, other, path)] : []),
  ];
}

/** Include and exclude globs are not looked at: whether two of them ever meet cannot be told from the globs alone. */
function prefixesOverlap(a: PolicyPiece, b: PolicyPiece): boolean {
  if (a.prefix === undefined || b.prefix === undefined) return false;
  return a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
}

function sharedTargets(a: PolicyPiece, b: PolicyPiece, other: string, path: Path): readonly Finding[] {
  return b.targets.flatMap((target, position) => {
    if (target === undefined || !a.targets.includes(target)) return [];
    const message = `found \`${target}\`, where ${other} writes the same keys; expected prefixes that do not overlap, or another target`;
    return [{ path: [...path, 'targets', position], message }];
  });
}

function mutualCopies(a: PolicyPiece, b: PolicyPiece, other: string, path: Path): readonly Finding[] {
  if (a.source === undefined || b.source === undefined) return [];
  if (!a.targets.includes(b.source) || !b.targets.includes(a.source)) return [];
  return [{ path, message: `found copies back into the source of ${other}; expected one direction` }];
}

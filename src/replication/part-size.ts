import type { OpenUploadRow } from '../catalog/uploads.ts';
import type { Capabilities } from '../providers/provider.ts';

const MiB = 1024 * 1024;

/** The smallest part that is read, hashed and sent at a time; also the largest object that travels in one piece. */
export const defaultPartSize = 8 * MiB;

/** Larger objects travel in larger parts, up to this: every part costs each target a request, and some far more. */
const largestPreferred = 64 * MiB;
const preferredCount = 64;

/** No object takes more than this share of the memory for one part, so that several parts are under way. */
const shareOfMemory = 1 / 4;

/** Parts are a multiple of this (GCS demands it), or as large as they may be where that is less. */
const granule = 256 * 1024;

export type PartPlan = { readonly kind: 'put' } | { readonly kind: 'parts'; readonly partSize: number };

/**
 * How an object of `size` bytes travels to all of `targets` at once: whole, or in equal parts that suit each of them.
 * `memory`: bytes that may be in flight over all objects.
 * @returns undefined when no part size suits them all; the object is then copied to each target alone.
 */
export function planParts(size: number, targets: readonly Capabilities[], memory: number): PartPlan | undefined {
  if (targets.some((target) => size > target.limits.maxObjectSize)) return undefined;
  const maxPut = Math.min(defaultPartSize, ...targets.map((target) => target.limits.maxPutSize));
  if (size <= maxPut) return { kind: 'put' };
  const maxCount = Math.min(...targets.map((target) => target.limits.part.maxCount));
  const most = Math.min(...targets.map((target) => target.limits.part.max));
  const multiples = targets.map((target) => target.limits.part.multipleOf);
  const step = multiples.reduce(commonMultiple, Math.min(granule, most));
  const max = Math.floor(most / step) * step;
  const preferred = Math.min(preferredPartSize(size, memory), max);
  const min = Math.max(preferred, Math.ceil(size / maxCount), ...targets.map((target) => target.limits.part.min));
  const partSize = Math.ceil(min / step) * step;
  return partSize > 0 && partSize <= max ? { kind: 'parts', partSize } : undefined;
}

/** Whether parts of `partSize` bytes, that an earlier attempt cut, are right for all of `targets` now. */
export function suits(partSize: number, size: number, targets: readonly Capabilities[], memory: number): boolean {
  const fits = ({ limits: { part } }: Capabilities): boolean =>
    partSize >= part.min &&
    partSize <= part.max &&
    partSize % part.multipleOf === 0 &&
    Math.ceil(size / partSize) <= part.maxCount;
  return partSize <= Math.max(memory * shareOfMemory, defaultPartSize) && partSize <= memory && targets.every(fits);
}

/** The part size in which the most bytes were sent; undefined when none were. */
export function mostSent(uploads: readonly Pick<OpenUploadRow, 'partSize' | 'progress'>[]): number | undefined {
  const sent = new Map<number, number>();
  for (const { partSize, progress } of uploads) {
    sent.set(partSize, (sent.get(partSize) ?? 0) + partSize * (progress?.parts ?? 0));
  }
  const [most] = [...sent].toSorted(([, a], [, b]) => b - a);
  return most === undefined || most[1] === 0 ? undefined : most[0];
}

function preferredPartSize(size: number, memory: number): number {
  const wanted = Math.min(largestPreferred, size / preferredCount, memory * shareOfMemory);
  return Math.max(defaultPartSize, Math.floor(wanted / MiB) * MiB);
}

function commonMultiple(a: number, b: number): number {
  return (a / commonDivisor(a, b)) * b;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

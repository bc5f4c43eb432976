import { bareName, hashName, type Peer } from './peers.ts';
import type { PeerResult } from './result.ts';
import { medianRatio, medianUsage, plus, type Usage } from './usage.ts';

/** Runs of several peers in turn, so that each of Holdfast's has one of every other peer beside it. */
export class Series {
  /** Holdfast first. */
  readonly #peers: readonly Peer[];
  readonly #usages = new Map<string, Usage[]>();

  constructor(peers: readonly Peer[]) {
    this.#peers = peers;
  }

  /** Each round begins with another peer: who comes first finds the machine in another state. */
  async repeat(rounds: number, run: (peer: Peer) => Promise<Usage>): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      const first = round % this.#peers.length;
      for (const peer of [...this.#peers.slice(first), ...this.#peers.slice(0, first)]) {
        const usage = await run(peer);
        this.#of(peer.name).push(usage);
        const { seconds, cpuSeconds } = usage;
        const took = `${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU`;
        console.error(`  ${round + 1}/${rounds} ${peer.name}: ${took}`);
      }
    }
  }

  /** @param requests what each peer was counted to have made, by its name */
  results(requests: ReadonlyMap<string, number> = new Map()): PeerResult[] {
    const [ours, ...others] = this.#peers.map(({ name }) => name);
    if (ours === undefined) return [];
    const mine = this.#of(ours);
    const compared = (name: string, usages: readonly Usage[]): PeerResult => ({
      name,
      usage: medianUsage(usages),
      ratio: medianRatio(mine, usages),
    });
    const [calls, hashes] = [this.#of(bareName), this.#of(hashName)];
    const withHash = calls.flatMap((call, run) => (hashes[run] === undefined ? [] : [plus(call, hashes[run])]));
    return [
      { name: ours, usage: medianUsage(mine), ...counted(requests.get(ours)) },
      ...others.map((name) => ({ ...compared(name, this.#of(name)), ...counted(requests.get(name)) })),
      ...(withHash.length === 0 ? [] : [compared(`${bareName} + SHA-256`, withHash)]),
    ];
  }

  #of(name: string): Usage[] {
    const known = this.#usages.get(name) ?? [];
    this.#usages.set(name, known);
    return known;
  }
}

function counted(requests: number | undefined): Pick<PeerResult, 'requests'> {
  return requests === undefined ? {} : { requests };
}

import type { Usage } from './usage.ts';

/** What a scenario came to; kept in results.json, from which BENCHMARKS.md and the plot are made. */
export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly scale: number;
  readonly runs: number;
  /** The day it was run, the machine and the programs it was run with. */
  readonly circumstances: string;
  /** How it was asked for. */
  readonly command: string;
  readonly objects: number;
  readonly bytes: number;
  /** Holdfast first. */
  readonly peers: readonly PeerResult[];
  readonly answers?: readonly AnswerResult[];
  /** Sentences about what was measured. */
  readonly notes: readonly string[];
}

export interface PeerResult {
  readonly name: string;
  /** Medians. */
  readonly usage: Usage;
  /** Holdfast's figures divided by its own, medians over the pairs; absent at Holdfast itself. */
  readonly ratio?: Usage;
  /** Requests it made to all servers, where they were counted. */
  readonly requests?: number;
}

export interface AnswerResult {
  readonly question: string;
  /** Of the answer alone, in the process that holds the catalog open. */
  readonly cpuMs: number;
  /** Of a whole process that answers and ends, where there is such a command. */
  readonly processCpuMs?: number;
  /** The same with a catalog that knows one object: what starting costs. */
  readonly emptyCpuMs?: number;
}

/** What a runner of scenarios finds out; who starts it adds the rest. */
export type Findings = Omit<ScenarioResult, 'name' | 'title' | 'scale' | 'runs' | 'circumstances' | 'command'>;

import type { ErrorCode } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Audit } from './audit-copy.ts';
import type { SourceAudit } from './audit-source.ts';

/** One copy, or source object, that is not as it must be. */
export interface AuditProblem {
  readonly policy: string;
  readonly key: Key;
  /** The target; or the source, whose own bytes are damaged. */
  readonly provider: string;
  readonly state: 'missing' | 'damaged' | 'unreadable' | 'unexpected';
  readonly code: ErrorCode | null;
  readonly message: string;
}

/** What an audit found. Field names are part of the outside (`--json`). Copies are object × target. */
export interface VerifyReport {
  readonly policy: string;
  /** Copies that were judged: the next four together. */
  readonly checked: number;
  readonly ok: number;
  readonly missing: number;
  readonly damaged: number;
  readonly unreadable: number;
  /** Keys at targets that are no copy of anything known. */
  readonly unexpected: number;
  readonly bytesRead: number;
  /** Copies that changed while they were looked at (a daemon works beside this): not judged, not in `checked`. */
  readonly changed: number;
  /** Objects of the source that were read; only a deep audit does. */
  readonly source: SourceReport;
}

export interface SourceReport {
  readonly checked: number;
  readonly ok: number;
  readonly damaged: number;
  readonly unreadable: number;
  /** Not what the catalog has: overwritten or gone. That is for `reconcile`. */
  readonly changed: number;
}

type Counts<T> = { -readonly [Field in keyof T]: T[Field] };

/** Counts what an audit finds and hands each problem on: none is kept. */
export class VerifyTally {
  readonly #counts: Counts<Omit<VerifyReport, 'source'>>;
  readonly #source: Counts<SourceReport> = { checked: 0, ok: 0, damaged: 0, unreadable: 0, changed: 0 };
  readonly #onProblem: (problem: AuditProblem) => void;

  constructor(policy: string, onProblem: (problem: AuditProblem) => void) {
    const none = { checked: 0, ok: 0, missing: 0, damaged: 0, unreadable: 0, unexpected: 0, bytesRead: 0, changed: 0 };
    this.#counts = { policy, ...none };
    this.#onProblem = onProblem;
  }

  get report(): VerifyReport {
    return { ...this.#counts, source: { ...this.#source } };
  }

  read(bytes: number): void {
    this.#counts.bytesRead += bytes;
  }

  changed(): void {
    this.#counts.changed += 1;
  }

  unexpected(key: Key, provider: string, message: string): void {
    this.#counts.unexpected += 1;
    this.#problem({ key, provider, state: 'unexpected', code: null, message });
  }

  copy(key: Key, provider: string, audit: Audit): void {
    this.#counts.checked += 1;
    const about = { key, provider };
    switch (audit.state) {
      case 'right':
        this.#counts.ok += 1;
        return;
      case 'missing':
        this.#counts.missing += 1;
        return this.#problem({ ...about, state: 'missing', code: 'not-found', message: 'it is missing' });
      case 'wrong':
        this.#counts.damaged += 1;
        return this.#problem({ ...about, state: 'damaged', code: audit.code, message: audit.why });
      case 'unreadable':
        this.#counts.unreadable += 1;
        return this.#unreadable(key, provider, audit.error);
    }
  }

  /** The copy is as its listing says, which is as the catalog has it. */
  asListed(): void {
    this.#counts.checked += 1;
    this.#counts.ok += 1;
  }

  sourceObject(key: Key, provider: string, audit: SourceAudit): void {
    this.#source[audit.state === 'right' ? 'ok' : audit.state] += 1;
    if (audit.state !== 'changed') this.#source.checked += 1;
    if (audit.state === 'unreadable') this.#unreadable(key, provider, audit.error);
    if (audit.state !== 'damaged') return;
    this.#problem({ key, provider, state: 'damaged', code: 'checksum-mismatch', message: audit.why });
  }

  #unreadable(
    key: Key,
    provider: string,
    { code, message }: { readonly code: ErrorCode; readonly message: string },
  ): void {
    this.#problem({ key, provider, state: 'unreadable', code, message });
  }

  #problem(problem: Omit<AuditProblem, 'policy'>): void {
    this.#onProblem({ policy: this.#counts.policy, ...problem });
  }
}

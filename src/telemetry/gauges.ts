import { Counter, Gauge, type Registry } from 'prom-client';

/** The state of things at one moment. */
export interface Gauges {
  readonly policies: readonly PolicyGauges[];
  readonly providers: readonly { readonly provider: string; readonly up: boolean }[];
  /** By target: the age of the newest snapshot of the catalog; where there is none, nothing. */
  readonly snapshotAgeSeconds?: Readonly<Record<string, number>>;
}

export interface PolicyGauges {
  readonly policy: string;
  /** How far the copies are behind the source; null, and its series absent, before the first pass. */
  readonly lagSeconds: number | null;
  /** Copies that are not verified, and their bytes. */
  readonly backlogObjects: number;
  readonly backlogBytes: number;
  readonly objects: number;
  /** By target, then by the copy's state. */
  readonly copies: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By provider: objects that would be unrecoverable if it vanished now. */
  readonly atRisk: Readonly<Record<string, number>>;
  /** Holds in force: 0 or 1. */
  readonly holds: number;
  /** Objects whose change the guard holds back. */
  readonly held: number;
  /** Objects whose copies are kept against the source. */
  readonly rejected: number;
  /** The age of the oldest evidence by target and the method that took it; where there is none, nothing. */
  readonly evidenceOldestAgeSeconds: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By target; where none was begun, nothing. */
  readonly drills?: Readonly<Record<string, DrillGauges>>;
}

/** Of the latest drill at a target, as far as it is known. */
export interface DrillGauges {
  readonly lastSuccessSeconds: number | null;
  readonly failedObjects: number;
  readonly bytesPerSecond: number | null;
  readonly recoverySeconds: number | null;
}

export interface GaugeRoom {
  readFrom(callback: () => Promise<Gauges>): void;
  refresh(): Promise<void>;
}

export function createGauges(registry: Registry, version: string): GaugeRoom {
  const all = createAll(registry);
  all.buildInfo.set({ version, node: process.versions.node }, 1);
  let read: (() => Promise<Gauges>) | undefined;
  return {
    readFrom: (callback) => {
      read = callback;
    },
    refresh: async () => {
      const state = await attempt(read, () => all.failures.inc());
      clear(all);
      if (state !== undefined) fill(all, state);
    },
  };
}

async function attempt<T>(read: (() => Promise<T>) | undefined, onFailure: () => void): Promise<T | undefined> {
  try {
    return await read?.();
  } catch {
    onFailure();
    return undefined;
  }
}

type All = ReturnType<typeof createAll>;

/** A value of an earlier scrape is a lie: what is not known now is absent. */
function clear({ buildInfo: _, failures: __, ...state }: All): void {
  for (const gauge of Object.values(state)) gauge.reset();
}

function fill(all: All, state: Gauges): void {
  for (const { provider, up } of state.providers) all.up.set({ provider }, up ? 1 : 0);
  for (const [target, age] of Object.entries(state.snapshotAgeSeconds ?? {})) all.snapshotAge.set({ target }, age);
  for (const policy of state.policies) fillPolicy(all, policy);
}

function fillPolicy(all: All, state: PolicyGauges): void {
  const { policy } = state;
  if (state.lagSeconds !== null) all.lag.set({ policy }, state.lagSeconds);
  all.backlogObjects.set({ policy }, state.backlogObjects);
  all.backlogBytes.set({ policy }, state.backlogBytes);
  all.objects.set({ policy }, state.objects);
  all.holds.set({ policy }, state.holds);
  all.held.set({ policy }, state.held);
  all.rejected.set({ policy }, state.rejected);
  for (const [target, states] of Object.entries(state.copies)) {
    for (const [name, count] of Object.entries(states)) all.copies.set({ policy, target, state: name }, count);
  }
  for (const [provider, count] of Object.entries(state.atRisk)) all.atRisk.set({ policy, provider }, count);
  for (const [target, ages] of Object.entries(state.evidenceOldestAgeSeconds)) {
    for (const [method, age] of Object.entries(ages)) all.evidence.set({ policy, target, method }, age);
  }
  for (const [target, drill] of Object.entries(state.drills ?? {})) fillDrill(all, { policy, target }, drill);
}

function fillDrill(all: All, labels: { readonly policy: string; readonly target: string }, drill: DrillGauges): void {
  const { lastSuccessSeconds, failedObjects, bytesPerSecond, recoverySeconds } = drill;
  all.drillFailed.set(labels, failedObjects);
  if (lastSuccessSeconds !== null) all.drillSuccess.set(labels, lastSuccessSeconds);
  if (bytesPerSecond !== null) all.drillSpeed.set(labels, bytesPerSecond);
  if (recoverySeconds !== null) all.recovery.set(labels, recoverySeconds);
}

function createAll(registry: Registry) {
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers });
  return {
    buildInfo: gauge('build_info', 'Always 1; the version is in the label', ['version', 'node']),
    failures: new Counter({
      name: 'holdfast_scrape_failures_total',
      help: 'Scrapes at which the state could not be read, so that its series were absent',
      registers,
    }),
    lag: gauge('lag_seconds', 'How far the copies are behind the source: every older change is verified', ['policy']),
    backlogObjects: gauge('backlog_objects', 'Copies that are not verified', ['policy']),
    backlogBytes: gauge('backlog_bytes', 'Bytes of the copies that are not verified', ['policy']),
    objects: gauge('objects', 'Objects at the source', ['policy']),
    copies: gauge('copies', 'Copies by state', ['policy', 'target', 'state']),
    atRisk: gauge(
      'objects_at_risk',
      'Objects that would be unrecoverable if this provider, a target or the source, vanished now',
      ['policy', 'provider'],
    ),
    holds: gauge('holds', 'Whether the guard holds changes back until a person decides', ['policy']),
    held: gauge('held_objects', 'Objects whose change the guard holds back', ['policy']),
    rejected: gauge('rejected_objects', 'Objects kept against the source, because a person rejected their change', [
      'policy',
    ]),
    snapshotAge: gauge(
      'catalog_snapshot_age_seconds',
      'Age of the newest verified snapshot of the catalog at a target',
      ['target'],
    ),
    drillFailed: gauge('drill_failed_objects', 'Objects that the latest drill could not restore from a target alone', [
      'policy',
      'target',
    ]),
    drillSuccess: gauge(
      'drill_last_success_timestamp_seconds',
      'When the latest drill ended in which nothing failed, seconds since the epoch',
      ['policy', 'target'],
    ),
    drillSpeed: gauge('drill_bytes_per_second', 'How fast the latest drill read, one object at a time', [
      'policy',
      'target',
    ]),
    recovery: gauge(
      'recovery_seconds',
      'How long restoring all objects from a target alone would take, as the latest drill went',
      ['policy', 'target'],
    ),
    up: gauge('provider_up', 'Whether the provider could be reached', ['provider']),
    evidence: gauge(
      'evidence_oldest_age_seconds',
      'Age of the oldest evidence for a copy, by the method that took it',
      ['policy', 'target', 'method'],
    ),
  };
}

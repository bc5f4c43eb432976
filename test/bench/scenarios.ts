/** Every file copied to three targets. */
export interface CopyScenario {
  readonly kind: 'copy';
  readonly name: string;
  readonly files: number;
  /** Bytes of each file. */
  readonly size: number;
  readonly source: 'filesystem' | 'cloud';
}

/** A pass over very many objects that are in place at the source and three targets, but for `changed` of them. */
export interface PassScenario {
  readonly kind: 'pass';
  readonly name: string;
  readonly objects: number;
  readonly changed: 0 | 1;
}

/** What `status`, `/metrics` and `whatif` cost with so many objects at a source and four targets. */
export interface AnswerScenario {
  readonly kind: 'answers';
  readonly name: string;
  readonly objects: number;
}

export type Scenario = CopyScenario | PassScenario | AnswerScenario;

const KiB = 1024;
const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

export const scenarios: readonly Scenario[] = [
  { kind: 'copy', name: '4k', files: 50_000, size: 4 * KiB, source: 'filesystem' },
  { kind: 'copy', name: '64k', files: 10_000, size: 64 * KiB, source: 'filesystem' },
  { kind: 'copy', name: '64k-cloud', files: 10_000, size: 64 * KiB, source: 'cloud' },
  { kind: 'copy', name: '8m', files: 500, size: 8 * MiB, source: 'filesystem' },
  { kind: 'copy', name: '8m-cloud', files: 500, size: 8 * MiB, source: 'cloud' },
  { kind: 'copy', name: '2g', files: 4, size: 2 * GiB, source: 'filesystem' },
  { kind: 'pass', name: 'unchanged', objects: 1_000_000, changed: 0 },
  { kind: 'pass', name: 'one-changed', objects: 1_000_000, changed: 1 },
  { kind: 'answers', name: 'answers', objects: 1_000_000 },
];

/** Fewer files; where there are but a few, smaller ones. */
export function scaled(scenario: Scenario, scale: number): Scenario {
  if (scenario.kind !== 'copy') return { ...scenario, objects: atLeastOne(scenario.objects * scale) };
  if (scenario.files >= 100) return { ...scenario, files: atLeastOne(scenario.files * scale) };
  return { ...scenario, size: atLeastOne((scenario.size / MiB) * scale) * MiB };
}

function atLeastOne(number: number): number {
  return Math.max(1, Math.round(number));
}

export function titleOf(scenario: Scenario): string {
  if (scenario.kind === 'copy') {
    const { files, size, source } = scenario;
    return `${files.toLocaleString('en')} × ${sizeOf(size)}, ${source} to three clouds`;
  }
  const objects = scenario.objects.toLocaleString('en');
  if (scenario.kind === 'answers') return `answers about ${objects} objects × four copies`;
  return `${objects} objects in a cloud and at three targets, ${scenario.changed === 0 ? 'unchanged' : 'one changed'}`;
}

function sizeOf(bytes: number): string {
  if (bytes >= GiB) return `${bytes / GiB} GiB`;
  return bytes >= MiB ? `${bytes / MiB} MiB` : `${bytes / KiB} KiB`;
}

import type { Answer, Question, Verdict } from './examination.ts';

/** What a thief of the credentials could do to the copies that are there. */
export interface Theft {
  readonly canDestroyCopies: 'yes' | 'no' | 'not-told';
  readonly because: string;
}

type Ask = (question: Question) => Verdict | undefined;

/** Protections, strongest first; the first that is on decides. */
const protections: readonly ((ask: Ask) => Theft | undefined)[] = [
  (ask) => {
    if (ask('overwrite') !== 'denied' || ask('delete-objects') !== 'denied') return undefined;
    return no('the credentials may neither replace nor delete objects');
  },
  (ask) => (ask('retention') === 'on' ? unless(ask('shorten-retention'), 'retention is on', 'shorten it') : undefined),
  (ask) => {
    if (ask('soft-delete') !== 'on') return undefined;
    return unless(ask('change-settings'), 'what is deleted can be brought back', 'switch that off');
  },
  (ask) => {
    if (ask('versioning') !== 'on') return undefined;
    const kept = unless(ask('delete-versions'), 'older versions stay', 'delete them');
    return kept.canDestroyCopies === 'no'
      ? unless(ask('change-settings'), 'older versions stay', 'have the bucket expire them')
      : kept;
  },
];

/** Versions, soft delete and what is not told of them end where the settings can be changed; retention may not. */
function canSwitchOff(ask: Ask): boolean {
  return ask('change-settings') === 'allowed' && ask('retention') !== 'not-told';
}

/** Judges a target by what an examination found. */
export function theftOf(answers: readonly Answer[]): Theft {
  const known = new Map(answers.map(({ question, answer }) => [question, answer]));
  const ask: Ask = (question) => known.get(question);
  for (const protection of protections) {
    const judged = protection(ask);
    if (judged !== undefined) return judged;
  }
  if (canSwitchOff(ask))
    return { canDestroyCopies: 'yes', because: 'the credentials may switch off what protects copies' };
  const open = (['retention', 'soft-delete', 'versioning'] as const).filter((question) => ask(question) === 'not-told');
  if (open.length > 0) return { canDestroyCopies: 'not-told', because: `nobody told of: ${open.join(', ')}` };
  if (ask('write') !== 'allowed')
    return { canDestroyCopies: 'not-told', because: 'what the credentials allow was not tried' };
  return { canDestroyCopies: 'yes', because: 'nothing keeps what is replaced or deleted' };
}

function unless(right: Verdict | undefined, protection: string, attack: string): Theft {
  if (right === 'allowed')
    return { canDestroyCopies: 'yes', because: `${protection}, but the credentials may ${attack}` };
  if (right === 'denied') return no(`${protection}, and the credentials may not ${attack}`);
  return { canDestroyCopies: 'not-told', because: `${protection}; whether the credentials may ${attack} is not known` };
}

function no(because: string): Theft {
  return { canDestroyCopies: 'no', because };
}

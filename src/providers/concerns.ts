import type { Answer, Question, Verdict } from './examination.ts';
import type { ProviderSettings } from './open.ts';
import type { ProviderRole } from './provider.ts';

/** Something a person should know of, and may want to change. It fails nothing. */
export interface Concern {
  readonly question: Question;
  readonly concern: string;
  /** What could happen. */
  readonly why: string;
  /** What to do. */
  readonly advice: string;
}

/** What concerns are judged by, besides the answers. */
export interface Circumstances {
  readonly type: ProviderSettings['type'];
  /** What the configuration uses the provider for; none where no policy names it. */
  readonly roles: readonly ProviderRole[];
  /** Some policy deletes copies there. */
  readonly deletes: boolean;
}

type Rule = Omit<Concern, 'question'> & {
  readonly when: Verdict;
  readonly applies?: (circumstances: Circumstances, answers: Answers) => boolean;
};

type Answers = ReadonlyMap<Question, Verdict>;

const isTarget = ({ roles }: Circumstances): boolean => roles.includes('target');
const isOnlySource = ({ roles }: Circumstances): boolean => roles.includes('source') && !roles.includes('target');
const isCloud = ({ type }: Circumstances): boolean => type !== 'filesystem';
const seePolicy = 'Give Holdfast credentials that allow no more than the policy document.';

const rules: Readonly<Partial<Record<Question, Rule>>> = {
  write: {
    when: 'allowed',
    applies: (circumstances) => isOnlySource(circumstances) && isCloud(circumstances),
    concern: 'the credentials of a source may write',
    why: 'a break-in with them could change or delete the originals; Holdfast never writes to a source',
    advice: `${seePolicy} For a source it is read-only.`,
  },
  'write-root': {
    when: 'allowed',
    applies: isOnlySource,
    concern: 'the user that runs Holdfast may write to the source',
    why: 'a break-in could change or delete the originals; Holdfast never writes to a source',
    advice: 'Let it read and search the directory only, or mount it read-only.',
  },
  overwrite: {
    when: 'denied',
    applies: isTarget,
    concern: 'the credentials may create objects and not replace them',
    why: 'changes at the source do not reach this target, and damaged copies are not repaired there',
    advice: 'That is right for an archive whose objects never change. Else allow it as the policy document says.',
  },
  'abort-upload': {
    when: 'denied',
    concern: 'the credentials may not abort uploads',
    why: 'the parts of uploads that broke off stay and are billed',
    advice: 'Allow it as the policy document says, or have a lifecycle rule remove incomplete uploads.',
  },
  delete: {
    when: 'denied',
    applies: isTarget,
    concern: "the credentials may not delete what is Holdfast's own",
    why: 'older snapshots of the catalog, versions kept by a `history` whose time is over, and canaries pile up there and are billed',
    advice: `${seePolicy} It allows that in .holdfast/catalog/, .holdfast/history/ and .holdfast/probe/ and nowhere else.`,
  },
  'delete-objects': {
    when: 'allowed',
    applies: (circumstances, answers) =>
      isTarget(circumstances) && !circumstances.deletes && answers.get('versioning') !== 'on',
    concern: "the credentials may delete users' objects, and no policy needs it",
    why: 'a break-in with them could delete the copies',
    advice: `${seePolicy} Or see to it that what is deleted can be brought back: versioning, soft delete, retention.`,
  },
  'put-checksum': {
    when: 'echoed',
    concern: 'the server repeats whatever checksum it is told',
    why: 'its word proves nothing: every copy has to be read back, and other tools that believe it are misled',
    advice: 'Nothing to do for Holdfast, which reads back. Reading may be billed.',
  },
  'upload-checksum': {
    when: 'echoed',
    concern: 'the server repeats whatever checksum it is told of an upload',
    why: 'its word proves nothing: every large copy has to be read back, and other tools that believe it are misled',
    advice: 'Nothing to do for Holdfast, which reads back. Reading may be billed.',
  },
  'conditional-create': {
    when: 'ignored',
    concern: 'the server ignores preconditions of writes',
    why: 'what another program writes between look and write is overwritten',
    advice: 'Let nobody else write below the prefix.',
  },
  'conditional-overwrite': {
    when: 'ignored',
    concern: 'the server ignores preconditions of overwrites',
    why: 'what another program writes between look and write is overwritten',
    advice: 'Let nobody else write below the prefix.',
  },
  'conditional-delete': {
    when: 'ignored',
    applies: ({ deletes }) => deletes,
    concern: 'deletes are not conditional here, and a policy deletes',
    why: 'a delete could take what somebody else put there, so all copies stay',
    advice: 'Use `deletes: { mode: retain }` for this target, or another server.',
  },
  'reserved-hidden': {
    when: 'no',
    concern: "Holdfast's own objects show in listings",
    why: 'a policy that reads from here would copy them as if they were user data',
    advice: 'Please report it: this is a fault of Holdfast or of the server.',
  },
  'same-clock': {
    when: 'no',
    concern: 'the clocks differ',
    why: 'servers refuse signed requests when the clocks are 5 to 15 minutes apart, and times of changes mislead',
    advice: 'Set both clocks by NTP.',
  },
  'soft-delete': {
    when: 'off',
    applies: (circumstances, answers) => isTarget(circumstances) && answers.get('versioning') !== 'on',
    concern: 'neither versioning nor soft delete is on',
    why: 'what is deleted or overwritten there, by mistake or by a break-in, is gone at once',
    advice: 'Switch one of them on, with some weeks of time.',
  },
  versioning: {
    when: 'off',
    applies: (circumstances, answers) =>
      isTarget(circumstances) && (circumstances.type === 's3' || answers.get('soft-delete') === 'not-told'),
    concern: 'versioning is off',
    why: 'what is deleted or overwritten there, by mistake or by a break-in, is gone at once',
    advice: 'Switch versioning on, and Object Lock with a default retention where the server has it.',
  },
  'delete-versions': {
    when: 'allowed',
    concern: 'the credentials may delete older versions for good',
    why: 'a break-in with them could destroy every copy and every version the bucket keeps',
    advice: `${seePolicy} Where the provider cannot tell these rights apart (Cloud Storage), use soft delete or a locked retention policy.`,
  },
  'shorten-retention': {
    when: 'allowed',
    concern: 'the credentials may shorten or bypass retention',
    why: 'a break-in with them could delete what is meant to be kept',
    advice: `${seePolicy} Retention that nobody can shorten (COMPLIANCE, a locked policy) holds even then.`,
  },
  'change-settings': {
    when: 'allowed',
    concern: 'the credentials may change the settings of the bucket or container',
    why: 'a break-in with them could switch off versioning, retention and soft delete, or delete the bucket',
    advice: seePolicy,
  },
  'write-outside': {
    when: 'allowed',
    concern: 'the credentials may write above the prefix or directory',
    why: 'a break-in with them reaches what others keep there',
    advice: `${seePolicy} Or give Holdfast a bucket, container or directory of its own.`,
  },
  'list-outside': {
    when: 'allowed',
    concern: 'the credentials may list outside the prefix',
    why: 'who has them sees the names of what others keep there',
    advice: `${seePolicy} Or give Holdfast a bucket or container of its own.`,
  },
  'list-buckets': {
    when: 'allowed',
    concern: 'the credentials may list the other buckets or containers',
    why: 'who has them sees where else to look',
    advice: seePolicy,
  },
  'same-device': {
    when: 'no',
    concern: "Holdfast's own directory is on another filesystem than the copies",
    why: 'files cannot be moved into place, so writing fails',
    advice: 'Let `.holdfast` be a plain directory on the same disk.',
  },
  'hard-links': {
    when: 'no',
    concern: 'the filesystem has no hard links',
    why: 'of two processes that create the same file, the later one wins, and nobody is told',
    advice: 'Let only one Holdfast write there.',
  },
  fsync: {
    when: 'no',
    concern: 'the filesystem cannot be told to write to the disk',
    why: 'a power loss can take what was reported as written',
    advice: 'Use a local filesystem, or mount the network filesystem with sync.',
  },
  'time-resolution': {
    when: 'no',
    concern: 'times are whole seconds here',
    why: 'two changes of a file within a second and of the same size look like one; Holdfast waits 2 s before it reads a fresh file',
    advice: 'Nothing to do, but to know.',
  },
  'free-space': {
    when: 'no',
    applies: isTarget,
    concern: 'the disk is full',
    why: 'no copy can be written',
    advice: 'Free some space or take a larger disk.',
  },
  'foreign-writers': {
    when: 'yes',
    concern: 'everybody on this machine may write to the directory',
    why: 'any user could change or delete what is there',
    advice: 'chmod o-w',
  },
  superuser: {
    when: 'yes',
    concern: 'Holdfast runs as root',
    why: 'a break-in could do anything on this machine',
    advice: 'Run it as a user of its own.',
  },
};

/** What of the answers a person should know of, in the order of the answers. */
export function concernsOf(answers: readonly Answer[], circumstances: Circumstances): Concern[] {
  const known: Answers = new Map(answers.map(({ question, answer }) => [question, answer]));
  return answers.flatMap(({ question, answer, detail }) => {
    const rule = rules[question];
    if (rule === undefined || rule.when !== answer || rule.applies?.(circumstances, known) === false) return [];
    const { concern, why, advice } = rule;
    return [{ question, concern: detail === undefined ? concern : `${concern} (${detail})`, why, advice }];
  });
}

/** What a role cannot do without; that nothing was there to be read is no failure. */
const essential: Readonly<Record<ProviderRole, readonly Question[]>> = {
  source: ['list', 'read'],
  target: ['list', 'read', 'write', 'upload', 'same-device'],
};

/** The questions whose answer says that the provider cannot do its work. */
export function failuresOf(answers: readonly Answer[], role: ProviderRole): Answer[] {
  return answers.filter(({ question, answer }) => essential[role].includes(question) && cannot.has(answer));
}

const cannot: ReadonlySet<Verdict> = new Set(['denied', 'no', 'not-told']);

import { z } from 'zod';
import { isReserved, reservedPrefix } from '../objects/key.ts';
import { listOf, name, nameForm, oneOf, section, text, wholeNumber } from './fields.ts';
import { duration, percent, rate, size } from './quantities.ts';

const reference = () => name('the name of a provider in this file');

const globs = (description: string) =>
  listOf(text('a glob such as **/*.jpg', /^.{1,1024}$/s), 'globs')
    .min(1, { error: 'at least one glob' })
    .meta({ description })
    .exactOptional();

/** Longer waits than a timer of the platform holds (2^31 ms) would fire at once. */
const longestWait = '24d';

const detect = section({
  every: duration('100ms', longestWait)
    .meta({ description: 'How often the source is listed to find new and changed objects.' })
    .prefault('5m'),
  full: duration('100ms', longestWait)
    .meta({ description: 'How often the targets are listed as well, to find copies that are missing or foreign.' })
    .prefault('6h'),
});

const verify = section({
  onCopy: oneOf(['attested', 'read'])
    .meta({
      description:
        '`attested`: what the provider itself checked over every stored byte counts, and where it cannot, the copy is read back. `read`: every copy is read back.',
    })
    .prefault('attested'),
  scrub: section({
    every: duration('1m', '3650d').meta({
      description: 'Within this time every copy is read from first byte to last.',
    }),
    bandwidth: rate()
      .meta({ description: 'The most bytes per second that the scrub reads; `limits.bandwidth` holds besides.' })
      .exactOptional(),
    perDay: size()
      .meta({ description: 'The most bytes that the scrub reads in any 24 hours: what providers bill for reading.' })
      .exactOptional(),
  })
    .meta({
      description:
        'The daemon reads all copies again and again, the one with the oldest evidence first, spread over the time. Without this section copies are read again only by `verify --deep` and `reconcile --deep`.',
    })
    .exactOptional(),
});

const drill = section({
  every: duration('1m', '3650d').meta({
    description: 'How often a restore is rehearsed from each target; sooner again after one that failed.',
  }),
  sample: wholeNumber(1, 100_000)
    .meta({ description: 'The most objects that one drill restores from each target.' })
    .prefault(100),
  bytes: size()
    .meta({
      description:
        'The most bytes that one drill reads from each target: what providers bill for reading. Larger objects are left out, and that is said.',
    })
    .prefault('1GiB'),
});

const deletes = section({
  mode: oneOf(['retain', 'propagate'])
    .meta({
      description:
        '`retain`: the copies stay for ever when the object goes at the source. `propagate`: they are deleted, where the target makes sure that a delete takes nothing else.',
    })
    .prefault('retain'),
  after: duration('1s', '3650d')
    .meta({
      description:
        'How long after it was decided that the object is gone its copies go; only with `propagate`, which needs it. Counts anew from the first pass that is told to delete, and after a time in which nobody looked.',
    })
    .exactOptional(),
}).superRefine(({ mode, after }, context) => {
  const message =
    mode === 'propagate' ? 'a duration such as 30d, as mode is propagate' : 'no `after`, as mode is retain';
  if ((mode === 'propagate') !== (after !== undefined)) context.addIssue({ code: 'custom', path: ['after'], message });
});

const guard = section({
  maxChanged: percent()
    .meta({ description: 'Hold when more than this share of the objects is overwritten or vanishes in one pass.' })
    .prefault('10%'),
  minObjects: wholeNumber(0, 1_000_000_000)
    .meta({
      description:
        'Fewer changed objects than this do not hold, for in a small set the share says little; unless all of at least five changed at once. `maxChanged: 100%` lets that pass too.',
    })
    .prefault(100),
});

const written = section({
  name: name().meta({ description: `What the policy is called: ${nameForm}.` }),
  source: reference().meta({ description: 'The provider that holds the originals.' }),
  prefix: text('a key prefix', /^[^\u0000]{1,1024}$/)
    .refine((prefix) => !isReserved(prefix), { error: `a key prefix that is not below ${reservedPrefix}` })
    .meta({ title: 'prefix', description: 'Only objects whose key starts with this.' })
    .exactOptional(),
  include: globs('Only objects whose key matches one of these.'),
  exclude: globs('Not the objects whose key matches one of these.'),
  targets: listOf(reference(), 'providers')
    .min(1, { error: 'at least one provider' })
    .meta({ description: 'The providers that get a copy of every object.' }),
  minCopies: wholeNumber(1, 1000)
    .meta({
      description:
        'How many verified copies besides the source make an object safe; at most, and without it exactly, the number of targets.',
    })
    .exactOptional(),
  detect: detect.meta({ description: 'How changes are found.' }).prefault({}),
  verify: verify.meta({ description: 'What counts as evidence.' }).prefault({}),
  drill: drill
    .meta({
      description:
        'The daemon restores objects chosen by chance from each target alone, as if all else were gone, and throws the bytes away once they are verified. Without this section only `holdfast drill` does.',
    })
    .exactOptional(),
  deletes: deletes.meta({ description: 'What a deletion at the source does.' }).prefault({}),
  history: duration('1h', '3650d')
    .meta({
      description:
        'How long the version that an overwrite replaces at a target is kept there: by the bucket itself where its versioning is on, else as a copy below `.holdfast/history/`. Without it, what is replaced is gone.',
    })
    .exactOptional(),
  guard: guard.meta({ description: 'When changes wait for a person.' }).prefault({}),
});

/** The fields one by one, for what can be said of a policy that is wrong elsewhere. */
export const policyFields = written.shape;

export type Policy = z.output<typeof written> & { readonly minCopies: number };

/** The output has every default filled in. */
export const policySchema = z.codec(written, z.custom<Policy>(), {
  decode: (policy) => ({ ...policy, minCopies: policy.minCopies ?? policy.targets.length }),
  encode: (policy) => policy,
});

import { systemClock } from '../../src/objects/clock.ts';
import { isUnicode } from '../../src/objects/key.ts';
import type { Key } from '../../src/objects/key.ts';
import { limited } from '../../src/providers/bandwidth.ts';
import { TokenBucket } from '../../src/providers/token-bucket.ts';
import { encodedKeys } from '../../src/providers/encoded-keys.ts';
import type { MemoryOptions } from '../../src/providers/memory/memory.ts';
import { MemoryProvider } from '../../src/providers/memory/memory.ts';
import { encodeKey } from '../../src/providers/key-encoding.ts';
import { observed } from '../../src/providers/observed.ts';
import { ordered } from '../../src/providers/ordered.ts';
import { patient } from '../../src/providers/patient.ts';
import { placed } from '../../src/providers/placed.ts';
import { prefixed } from '../../src/providers/prefixed.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { ranged } from '../../src/providers/ranged.ts';
import { resilient } from '../../src/providers/resilient.ts';
import type { Expectations } from './provider.ts';
import { describeProviderContract } from './provider.ts';

const attests = { put: 'crc32c', upload: 'crc32c' } as const;

function describeDecorator(
  name: string,
  decorate: (provider: Provider) => Provider,
  options: MemoryOptions = {},
  expectations: Expectations = {},
): void {
  const open = (more: MemoryOptions) => {
    const memory = new MemoryProvider({ pageSize: 300, ...options, ...more });
    const provider = decorate(memory);
    const again = async () => decorate(new MemoryProvider({ ...options, ...more, bucket: memory.bucket }));
    return Promise.resolve({ provider, again, close: () => provider.close() });
  };
  describeProviderContract(name, {
    open: () => open({}),
    openMissing: () => open({ bucket: null }),
    expectations: { attests, ...expectations },
  });
}

/** Much like Azure: no control characters, no odd ends, no dot segments, nothing that is not UTF-8. */
function canHold(key: Key): boolean {
  if (Buffer.byteLength(key) > 1_024) return false;
  return isUnicode(key) && !/[\p{Cc}\ufffe\uffff\\]|[./]$|(^|\/)\.{1,2}(\/|$)|\/\/|^\//u.test(key);
}

const refuses = (key: Key): string | undefined => (canHold(key) ? undefined : 'not here');
const tooLong = (key: Key): boolean => !canHold(key) && encodeKey(key).length > 1_024;

const holdsBelow = (key: Key): boolean => canHold(`p/${key}`);

const rate = (): TokenBucket => new TokenBucket(10 ** 12, systemClock);
const retrying = { clock: systemClock, random: Math.random };

describeDecorator('observed', (provider) => observed(provider, () => undefined));
describeDecorator('patient', (provider) => patient(provider));
describeDecorator('limited', (provider) => limited(provider, { up: rate(), down: rate() }));
describeDecorator('resilient', (provider) => resilient(provider, retrying));
describeDecorator(
  'all that every provider is wrapped in',
  (provider) => {
    const paced = limited(patient(observed(provider, () => undefined)), { up: rate(), down: rate() });
    const listed = ranged(prefixed(ordered(resilient(paced, retrying)), 'p/'));
    return placed(encodedKeys(listed, holdsBelow, 1_022), 'here');
  },
  // Sorted listings have pages of their own, of 1,000.
  { refuses, capabilities: { listing: 'unordered' } },
  { refuses: (key) => !holdsBelow(key) && encodeKey(key).length > 1_022, pageCrossing: 1_100 },
);
describeDecorator('ranged', (provider) => ranged(provider));
describeDecorator('placed', (provider) => placed(provider, 'here'));
describeDecorator('prefixed', (provider) => prefixed(provider, 'replicas/one/'));
describeDecorator('ordered, over an ordered provider', ordered);
describeDecorator('ordered, over an unordered provider', ordered, { capabilities: { listing: 'unordered' } });

describeDecorator(
  'encodedKeys',
  (provider) => encodedKeys(provider, canHold, 1_024),
  { refuses },
  { refuses: tooLong },
);
describeDecorator(
  'encodedKeys, all of them',
  (provider) => encodedKeys(provider, () => false, 4_096),
  { pageSize: 11 },
  { pageCrossing: 100 },
);
describeDecorator(
  'encodedKeys, over a sorted and prefixed provider',
  (provider) => encodedKeys(ordered(prefixed(provider, 'p/')), (key) => !/b|%/.test(key), 4_096),
  { pageSize: 11, capabilities: { listing: 'unordered' } },
  // Sorted listings have pages of their own, of 1,000.
  { pageCrossing: 1_100 },
);

import { section, wholeNumber } from './fields.ts';
import { duration, rate } from './quantities.ts';

/** What every provider may be held to. */
export const providerLimits = section({
  bandwidth: rate()
    .meta({
      description:
        'The most bytes per second that are sent to it, and as many that are read from it; at most `limits.bandwidth`.',
    })
    .exactOptional(),
  requests: wholeNumber(1, 1_000_000)
    .meta({ description: 'The most requests per second, evenly spaced.' })
    .exactOptional(),
  concurrency: wholeNumber(1, 10_000)
    .meta({ description: 'The most requests under way at once, and as many bodies of objects being read.' })
    .exactOptional(),
}).meta({
  description:
    'What this provider may be asked for; without it as much as the work needs. A running daemon takes a change over on SIGHUP. Whoever is held back more than the other targets catches up alone.',
});

const idle = duration('1s', '1h')
  .meta({
    description: 'How long nothing may come or go before a connection or a body counts as stalled (default 60s).',
  })
  .exactOptional();

const call = duration('1s', '1h')
  .meta({
    description:
      'How long one request may take, besides the time that its bytes need at 64KiB/s (default 60s). A listing and the first contact get twice, completing a large upload fifteen times as long.',
  })
  .exactOptional();

const timeoutsMeta = { description: 'When a request is broken off and tried again.' };

/** A directory is not connected to. */
export const localTimeouts = section({ idle, call }).meta(timeoutsMeta);

export const remoteTimeouts = section({
  connect: duration('100ms', '10m')
    .meta({ description: 'How long making a connection may take (default 10s); at most `call`.' })
    .exactOptional(),
  idle,
  call,
}).meta(timeoutsMeta);

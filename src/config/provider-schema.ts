import { z } from 'zod';
import { endpoint, flag, oneOf, path, providerPrefixField, secret, section, text } from './fields.ts';
import { localTimeouts, providerLimits, remoteTimeouts } from './provider-limits-schema.ts';

const bucket = (description: string) =>
  text('the name of a bucket, without scheme or path', /^(?:arn:[!-~]+|[A-Za-z0-9_][A-Za-z0-9._:-]{0,221})$/).meta({
    description,
  });

const shared = (what: string) =>
  text('a text without spaces at its ends', /^\S(?:.*\S)?$/)
    .meta({ description: what })
    .exactOptional();

const domainField = () =>
  section({
    operator: shared(
      'Who runs it. Without it, what the settings say: `aws`, `google`, `azure`, or the host of `endpoint`.',
    ),
    region: shared('Where it is. Without it, the `region` of a bucket at AWS.'),
    account: shared('Whose contract and credentials it depends on.'),
  })
    .meta({
      description:
        'What this provider has in common with others, so that they fail together: for `whatif --lose operator=aws`, and `config check` warns when places of one policy share one.',
    })
    .exactOptional();

const filesystem = section({
  type: z.literal('filesystem').meta({ description: 'A directory of this machine, or one mounted on it.' }),
  path: path('the path of a directory').meta({
    title: 'path',
    description: 'The directory that holds the objects. Relative paths start at the working directory of the process.',
  }),
  symlinks: oneOf(['skip', 'follow'])
    .meta({ description: 'Whether a symbolic link is left out and reported, or read as what it points to.' })
    .prefault('skip'),
  prefix: providerPrefixField(),
  domain: domainField(),
  limits: providerLimits.exactOptional(),
  timeouts: localTimeouts.exactOptional(),
}).meta({ title: 'filesystem' });

const credentials = section({
  accessKeyId: secret('the id of an access key').meta({ description: 'The id of the access key.' }),
  secretAccessKey: secret('the secret of the access key').meta({ description: 'Its secret.' }),
  sessionToken: secret('a session token').meta({ description: 'For temporary credentials.' }).exactOptional(),
});

const s3 = section({
  type: z.literal('s3').meta({ description: 'AWS S3 and every server that speaks its protocol.' }),
  bucket: bucket('The bucket. It must exist.'),
  region: text('the name of a region such as us-east-1', /^[A-Za-z0-9-]+$/)
    .meta({ description: "The bucket's region. Without it the AWS SDK's own configuration decides." })
    .exactOptional(),
  endpoint: endpoint().meta({ description: 'The server, for other than AWS.' }).exactOptional(),
  forcePathStyle: flag()
    .meta({ description: 'Put the bucket into the path of URLs and not into the host name; many servers need it.' })
    .exactOptional(),
  credentials: credentials
    .meta({ description: "Without it the AWS SDK's own chain is used: environment, profile, instance role." })
    .exactOptional(),
  prefix: providerPrefixField(),
  domain: domainField(),
  limits: providerLimits.exactOptional(),
  timeouts: remoteTimeouts.exactOptional(),
}).meta({ title: 's3' });

const gcs = section({
  type: z.literal('gcs').meta({ description: 'Google Cloud Storage.' }),
  bucket: bucket('The bucket. It must exist.'),
  projectId: text('the id of a project', /^[A-Za-z0-9:.-]+$/)
    .meta({ description: "The project. Without it the Google SDK's own configuration decides." })
    .exactOptional(),
  keyFile: path('the path of a key file')
    .meta({
      title: 'path',
      description: "A service account's key file (JSON). Without it the application default credentials are used.",
    })
    .exactOptional(),
  endpoint: endpoint().meta({ description: 'The server, for other than Google.' }).exactOptional(),
  prefix: providerPrefixField(),
  domain: domainField(),
  limits: providerLimits.exactOptional(),
  timeouts: remoteTimeouts.exactOptional(),
}).meta({ title: 'gcs' });

const azureFields = section({
  type: z.literal('azure').meta({ description: 'Azure Blob Storage.' }),
  container: text(
    'the name of a container: 3 to 63 small letters, digits and dashes',
    /^(?:\$root|\$web|[a-z0-9-]{3,63})$/,
  ).meta({ description: 'The container. It must exist.' }),
  connectionString: secret('a connection string')
    .meta({ description: 'The account, its key or token and its endpoint in one text. Either this or `account`.' })
    .exactOptional(),
  account: text('the name of a storage account: 3 to 24 small letters and digits', /^[a-z0-9]{3,24}$/)
    .meta({
      description:
        'The storage account. With neither `accountKey` nor `sasToken` the Azure identity chain is used: environment, workload and managed identity, command-line login.',
    })
    .exactOptional(),
  accountKey: secret("the account's key").meta({ description: "The account's key." }).exactOptional(),
  sasToken: secret('a shared access signature')
    .meta({ description: 'A shared access signature, instead of the key.' })
    .exactOptional(),
  endpoint: endpoint()
    .meta({ description: "The account's blob endpoint, for other than `https://<account>.blob.core.windows.net`." })
    .exactOptional(),
  prefix: providerPrefixField(),
  domain: domainField(),
  limits: providerLimits.exactOptional(),
  timeouts: remoteTimeouts.exactOptional(),
});

const azure = azureFields.superRefine(oneWayIn).meta({ title: 'azure' });

/** A connection string says everything; an account needs it said. */
function oneWayIn(settings: z.output<typeof azureFields>, context: z.RefinementCtx): void {
  const expect = (key: keyof typeof settings, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message });
  if (settings.connectionString === undefined) {
    if (settings.account === undefined) expect('connectionString', 'a connection string, or `account`');
    if (settings.accountKey !== undefined && settings.sasToken !== undefined) {
      expect('sasToken', 'either `accountKey` or `sasToken`');
    }
    return;
  }
  for (const key of ['account', 'accountKey', 'sasToken', 'endpoint'] as const) {
    if (settings[key] !== undefined) expect(key, `no \`${key}\` beside \`connectionString\`, which holds it`);
  }
}

export const providerSchema = z.discriminatedUnion('type', [filesystem, s3, gcs, azure], { error: 'a mapping' });

export type ProviderSettings = z.output<typeof providerSchema>;
export type FilesystemSettings = z.output<typeof filesystem>;
export type S3Settings = z.output<typeof s3>;
export type GcsSettings = z.output<typeof gcs>;
export type AzureSettings = z.output<typeof azure>;

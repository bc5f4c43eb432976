import { inspect } from 'node:util';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../../src/config/describe.ts';
import { configJsonSchema } from '../../../src/config/jsonschema.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { configReference } from '../../../src/config/reference.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { load, right, rightBut } from './fixture.ts';

const exampleEnv = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 's3cr3t-key',
  AZURE_STORAGE_CONNECTION_STRING: 'DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=s3cr3t==',
  HOLDFAST_TOKEN: 's3cr3t-token',
};

describe('the files that come with the program', () => {
  it('config/holdfast.yaml loads without any environment', () => {
    const { config, warnings } = loadConfig('config/holdfast.yaml', { env: {} });
    expect(warnings).toEqual([]);
    expect(Object.keys(config.providers)).toEqual(['primary', 'one', 'two', 'three']);
    expect(config.policies).toMatchObject([{ name: 'user-data', targets: ['one', 'two', 'three'], minCopies: 2 }]);
  });

  it('config/example.yaml loads with the environment it names', () => {
    const { config, warnings } = loadConfig('config/example.yaml', { env: exampleEnv });
    expect(warnings).toEqual([]);
    expect(config.limits).toEqual({ memory: 2 ** 28, concurrency: 32, bandwidth: 100 * 2 ** 20 });
    expect(config.http.token?.reveal()).toBe('s3cr3t-token');
  });

  it("the design's own example loads, and nothing about it is warned of", () => {
    const yaml = `
catalog: sqlite:./data/catalog.db          # or postgres://…
providers:
  primary: { type: filesystem, path: ./data/source }
  aws:
    type: s3
    bucket: user-data-copy
    region: us-east-1
    endpoint: https://s3.example.com
    forcePathStyle: true
    credentials: { accessKeyId: "\${AWS_ACCESS_KEY_ID}", secretAccessKey: "\${AWS_SECRET_ACCESS_KEY}" }
    prefix: replicas/
  gcp:   { type: gcs, bucket: user-data-copy, projectId: project, keyFile: ./key.json, endpoint: https://gcs.example.com }
  azure: { type: azure, container: user-data-copy, connectionString: "\${AZURE_STORAGE_CONNECTION_STRING}" }
policies:
  - name: user-data
    source: primary
    prefix: users/
    targets: [aws, gcp, azure]
    minCopies: 2
    detect: { every: 5m }
    verify: { onCopy: attested, scrub: { every: 30d } }
    deletes: { mode: retain }
    guard: { maxChanged: 10%, minObjects: 100 }
http: { listen: 127.0.0.1:8080, token: "\${HOLDFAST_TOKEN}" }
limits: { memory: 256MiB, concurrency: 32, bandwidth: 100MiB/s }
`;
    const { config, warnings } = load(yaml, { env: exampleEnv });
    expect(config.policies[0]?.verify).toEqual({ onCopy: 'attested', scrub: { every: 2_592_000_000 } });
    expect(warnings.map(({ path }) => path)).toEqual([]);
  });

  it('config/REFERENCE.md is what the schema says', async () => {
    await expect(configReference()).toMatchFileSnapshot('../../../config/REFERENCE.md');
  });

  it('the reference has a heading for every section of the file', () => {
    const headings = [...configReference().matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(Object.keys(configSchema.shape));
  });
});

describe('the loaded configuration', () => {
  it('has plain units and every default', () => {
    expect(load(rightBut([['policies', 0, 'minCopies'], undefined], [['http'], undefined])).config).toMatchObject({
      catalog: { type: 'sqlite', file: './data/catalog.db' },
      providers: { primary: { type: 'filesystem', path: './data/source', symlinks: 'skip' } },
      policies: [
        {
          minCopies: 3,
          detect: { every: 300_000, full: 21_600_000 },
          verify: { onCopy: 'attested' },
          deletes: { mode: 'retain' },
          guard: { maxChanged: 0.1, minObjects: 100 },
        },
      ],
      http: { listen: { host: '127.0.0.1', port: 8080, loopback: true } },
      limits: { memory: 2 ** 28, concurrency: 32 },
      shutdown: { drain: 25_000 },
    });
  });

  it('is frozen all the way down and knows no provider but its own', () => {
    const { config } = load(right);
    expect(Object.isFrozen(config.policies[0]?.targets)).toBe(true);
    expect(Object.isFrozen(config.providers['aws'])).toBe(true);
    expect(Object.isFrozen(config.http.token)).toBe(true);
    expect(config.providers['constructor']).toBeUndefined();
  });

  it('shows no secret, however it is printed', () => {
    const { config } = load(right);
    const prints = [
      JSON.stringify(config),
      inspect(config, { depth: 9 }),
      inspect(config, { depth: 9, customInspect: false }),
    ];
    for (const print of [...prints, describeConfig(config), String(config.http.token)]) {
      expect(print).not.toMatch(/s3cr3t|AKID|azurek3y|t0ken/);
    }
    expect(new Secret('x').reveal()).toBe('x');
  });

  it('is described as a configuration: with defaults, units and hidden secrets, and it loads again', () => {
    const { config } = load(right);
    const described = describeConfig(config);
    expect(parse(described)).toMatchObject({
      catalog: 'sqlite:./data/catalog.db',
      providers: { aws: { credentials: { accessKeyId: '(hidden)', secretAccessKey: '(hidden)' } } },
      policies: [{ detect: { every: '5m', full: '6h' }, guard: { maxChanged: '10%', minObjects: 100 } }],
      http: { listen: '127.0.0.1:8080', token: '(hidden)' },
      limits: { memory: '256MiB', concurrency: 32 },
    });
    expect(JSON.stringify(load(described).config)).toBe(JSON.stringify(config));
  });
});

describe('the JSON Schema', () => {
  const schema = configJsonSchema();

  it('is draft 2020-12 of the file as written, and describes every key', () => {
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.required).toEqual(['catalog', 'providers', 'policies']);
    expect(undescribed(schema)).toEqual([]);
  });
});

/** Paths of properties without a description. */
function undescribed(node: unknown, path = ''): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, child]: [string, unknown]) => {
    const properties = key === 'properties' ? Object.entries(Object(child) as object) : [];
    const missing = properties
      .filter(([, property]) => !('description' in Object(property)))
      .map(([name]) => `${path}.${name}`);
    return [...missing, ...undescribed(child, `${path}.${key}`)];
  });
}

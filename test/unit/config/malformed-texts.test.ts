import { describe, it } from 'vitest';
import { expectRefused, rightBut } from './fixture.ts';
import type { Refusal } from './fixture.ts';

const cases: readonly Refusal[] = [
  [
    'a bucket that is a number',
    rightBut([['providers', 'aws', 'bucket'], 5]),
    'providers.aws.bucket',
    'found 5; expected the name of a bucket',
  ],
  ['an empty bucket', rightBut([['providers', 'aws', 'bucket'], '']), 'providers.aws.bucket', 'found ""'],
  [
    'a bucket with a scheme',
    rightBut([['providers', 'aws', 'bucket'], 's3://b/x']),
    'providers.aws.bucket',
    'without scheme or path',
  ],
  [
    'an empty path',
    rightBut([['providers', 'primary', 'path'], '']),
    'providers.primary.path',
    'expected the path of a directory',
  ],
  [
    'a path that only a shell knows',
    rightBut([['providers', 'primary', 'path'], '~/data']),
    'providers.primary.path',
    'found "~/data"; expected the path of a directory, without ~',
  ],
  [
    'a password with slashes',
    rightBut([['catalog'], 'postgres://me:s3cr3t/AKID@db/x']),
    'catalog',
    'found "postgres://(hidden)@db/x"',
  ],
  [
    'a path with a NUL',
    rightBut([['providers', 'primary', 'path'], 'a\0b']),
    'providers.primary.path',
    'expected the path of a directory',
  ],
  [
    'a prefix without slash',
    rightBut([['providers', 'aws', 'prefix'], 'copies']),
    'providers.aws.prefix',
    'expected a prefix that ends in /',
  ],
  [
    'a prefix that starts with a slash',
    rightBut([['providers', 'aws', 'prefix'], '/copies/']),
    'providers.aws.prefix',
    'expected a prefix',
  ],
  [
    'a prefix that climbs',
    rightBut([['providers', 'aws', 'prefix'], 'a/../b/']),
    'providers.aws.prefix',
    'expected a prefix',
  ],
  [
    'a prefix with an empty segment',
    rightBut([['providers', 'aws', 'prefix'], 'a//b/']),
    'providers.aws.prefix',
    'expected a prefix',
  ],
  [
    'a prefix below .holdfast/',
    rightBut([['providers', 'aws', 'prefix'], '.holdfast/x/']),
    'providers.aws.prefix',
    'not below .holdfast/',
  ],
  [
    'an endpoint that is no URL',
    rightBut([['providers', 'aws', 'endpoint'], 'minio:9000']),
    'providers.aws.endpoint',
    'found "minio:9000"; expected a URL',
  ],
  [
    'an endpoint of another scheme',
    rightBut([['providers', 'aws', 'endpoint'], 'ftp://x']),
    'providers.aws.endpoint',
    'expected a URL',
  ],
  [
    'an endpoint without host',
    rightBut([['providers', 'aws', 'endpoint'], 'https://']),
    'providers.aws.endpoint',
    'expected a URL',
  ],
  [
    'an endpoint with a bad port',
    rightBut([['providers', 'aws', 'endpoint'], 'http://h:99999']),
    'providers.aws.endpoint',
    'expected a URL',
  ],
  [
    'half of the credentials',
    rightBut([['providers', 'aws', 'credentials'], { accessKeyId: 'AKID' }]),
    'providers.aws.credentials.secretAccessKey',
    'is missing',
  ],
  [
    'credentials as a text',
    rightBut([['providers', 'aws', 'credentials'], 'AKID:s3cr3t']),
    'providers.aws.credentials',
    'found a text (hidden); expected a mapping',
  ],
  [
    'an empty secret',
    rightBut([['providers', 'azure', 'accountKey'], '']),
    'providers.azure.accountKey',
    "found an empty text (hidden); expected the account's key",
  ],
  ['a secret that is a number', rightBut([['http', 'token'], 12345]), 'http.token', 'found a number (hidden)'],
  [
    'a token with spaces',
    rightBut([['http', 'token'], 's3cr3t words']),
    'http.token',
    'found a text (hidden); expected a token',
  ],
  [
    'a yes that is no flag',
    rightBut([['providers', 'aws', 'forcePathStyle'], 'yes']),
    'providers.aws.forcePathStyle',
    'found "yes"; expected true or false',
  ],
  [
    'no way into Azure',
    rightBut([['providers', 'azure'], { type: 'azure', container: 'abc' }]),
    'providers.azure.connectionString',
    'is missing; expected a connection string, or `account`',
  ],
  [
    'two ways into Azure',
    rightBut([['providers', 'azure', 'connectionString'], 's3cr3t']),
    'providers.azure.account',
    'no `account` beside `connectionString`',
  ],
  [
    'two keys for Azure',
    rightBut([['providers', 'azure', 'sasToken'], 's3cr3t']),
    'providers.azure.sasToken',
    'either `accountKey` or `sasToken`',
  ],
  [
    'a container in capitals',
    rightBut([['providers', 'azure', 'container'], 'User']),
    'providers.azure.container',
    'found "User"',
  ],
  [
    'a catalog without kind',
    rightBut([['catalog'], './catalog.db']),
    'catalog',
    'expected sqlite: followed by the path',
  ],
  ['a catalog without path', rightBut([['catalog'], 'sqlite:']), 'catalog', 'found "sqlite:"'],
  ['a catalog in memory', rightBut([['catalog'], 'sqlite::memory:']), 'catalog', 'expected sqlite:'],
  ['a catalog as a URL', rightBut([['catalog'], 'sqlite://data/catalog.db']), 'catalog', 'expected sqlite:'],
  ['a catalog as a mapping', rightBut([['catalog'], { sqlite: 'x' }]), 'catalog', 'found a mapping'],
  [
    'PostgreSQL',
    rightBut([['catalog'], 'postgres://me:s3cr3t@db/holdfast']),
    'catalog',
    'found "postgres://(hidden)@db/holdfast"; expected sqlite: PostgreSQL catalogs are not built into this version yet',
  ],
  [
    'an address without port',
    rightBut([['http', 'listen'], '127.0.0.1']),
    'http.listen',
    'found "127.0.0.1"; expected host:port',
  ],
  ['an address that is a number', rightBut([['http', 'listen'], 8080]), 'http.listen', 'found 8080'],
  ['a port too large', rightBut([['http', 'listen'], '127.0.0.1:70000']), 'http.listen', 'expected host:port'],
  ['IPv6 without brackets', rightBut([['http', 'listen'], '::1:8080']), 'http.listen', 'expected host:port'],
  ['no IPv4 address', rightBut([['http', 'listen'], '300.1.2.3:80']), 'http.listen', 'expected host:port'],
];

describe('wrong names, paths, URLs and secrets are refused at their place, and no secret is shown', () => {
  it.each(cases)('%s', (_, yaml, path, says) => expectRefused(yaml, path, says));
});

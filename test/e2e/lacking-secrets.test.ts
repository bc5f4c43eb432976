import { readFile, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';

const burnt = ['-c', 'burnt.yaml', '--log-level', 'error'];

const aws =
  '{ type: s3, bucket: copies, region: us-east-1, credentials: { accessKeyId: "${AWS_ID}", secretAccessKey: "${file:./aws-secret}" } }';
const azure = '{ type: azure, container: copies, connectionString: "${AZURE}" }';

/** With a configuration that names, besides `one`, two targets whose secrets are not there. */
async function openBurntDesk(): Promise<Desk> {
  const desk = await openDesk();
  const http = 'http: { listen: ":8080", token: "${TOKEN}" }';
  await desk.write('burnt.yaml', configOf({ one: directories.one, aws, azure }, http));
  return desk;
}

/** And with a copy of two objects at `one`, and nothing else. */
async function afterTheFire(): Promise<Desk> {
  const desk = await openBurntDesk();
  await desk.write('source/a', 'first');
  await desk.write('source/b', 'second');
  await desk.write('good.yaml', configOf({ one: directories.one }));
  expect((await desk.run(['-c', 'good.yaml', 'reconcile'])).code).toBe(0);
  await rm(desk.at('catalog.db'));
  await rm(desk.at('source'), { recursive: true });
  return desk;
}

test('a restore from one place asks for the secrets of that place only', async () => {
  await using desk = await afterTheFire();
  const { code, stdout, stderr } = await desk.run([...burnt, 'restore', '--to-dir', 'back', '--from', 'one']);
  expect([stderr, code]).toEqual(['', 0]);
  expect(stdout).toContain('2 restored');
  expect(await readFile(desk.at('back/b'), 'utf8')).toBe('second');
});

test('a restore from anywhere names the places whose secrets are not there, and brings what the others have', async () => {
  await using desk = await afterTheFire();
  const { code, stdout, stderr } = await desk.run([...burnt, 'restore', '--to-dir', 'back']);
  expect(code).toBe(1);
  expect(stdout).toContain('2 restored');
  expect(stdout).toContain('not (wholly) looked at: aws, azure;');
  expect(stderr).toContain('providers.aws.credentials.accessKeyId: the environment variable AWS_ID is not set');
  expect(stderr).toContain('providers.aws.credentials.secretAccessKey: the file ./aws-secret cannot be read');
  expect(stderr).toContain('providers.azure.connectionString: the environment variable AZURE is not set');
  expect(await readFile(desk.at('back/a'), 'utf8')).toBe('first');
});

test('nor does a secret that is none end the restore', async () => {
  await using desk = await afterTheFire();
  const { code, stdout, stderr } = await desk.run([...burnt, 'restore', '--to-dir', 'back'], { AZURE: 'garbage' });
  expect([code, stdout]).toEqual([1, expect.stringContaining('2 restored')]);
  expect(stderr).toContain('azure could not be (wholly) looked at: "azure" cannot be used here: ');
  expect(stderr).not.toContain('garbage');
  const only = await desk.run([...burnt, 'restore', '--to-dir', 'new', '--from', 'azure'], { AZURE: 'garbage' });
  expect([only.code, only.stderr]).toEqual([2, expect.stringContaining('the Azure options cannot be used')]);
});

test.each([
  ['restore from it', ['restore', '--to-dir', 'back', '--from', 'azure'], 'burnt.yaml:6:44 providers.azure.'],
  ['restore to it', ['restore', '--to', 'azure'], 'providers.azure.connectionString'],
  ['drill', ['drill', '--target', 'azure'], 'providers.azure.connectionString'],
  ['verify', ['verify', '--target', 'one', 'azure'], 'providers.azure.connectionString'],
  ['probe', ['probe', 'azure'], 'providers.azure.connectionString'],
])('%s: a provider that the command names needs its secrets', async (_, args, says) => {
  await using desk = await openBurntDesk();
  const { code, stderr } = await desk.run([...burnt, ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(says);
  expect(stderr).not.toContain('AWS_ID');
});

test('a restore of a policy none of whose places can be used says so', async () => {
  await using desk = await openBurntDesk();
  await desk.write('burnt.yaml', configOf({ aws, azure }));
  const { code, stderr } = await desk.run([...burnt, 'restore', '--to-dir', 'back']);
  expect(code).toBe(2);
  expect(stderr).toContain('there is no place to restore from that can be used here');
  expect(stderr).toContain('azure: providers.azure.connectionString: the environment variable AZURE is not set');
});

test('drill, verify and probe of one target need the secrets of that one only', async () => {
  await using desk = await openDesk();
  await desk.write('source/a', 'first');
  const all = configOf({ one: directories.one, aws, azure });
  const only = configOf({ one: directories.one });
  await desk.write('good.yaml', only);
  expect((await desk.run(['-c', 'good.yaml', 'reconcile'])).code).toBe(0);
  await desk.write('burnt.yaml', all.replace('path: ./source', 'path: "${SOURCE}"'));
  for (const args of [
    ['drill', '--target', 'one'],
    ['verify', '--target', 'one', '--deep'],
    ['probe', 'one'],
  ]) {
    const { code, stderr } = await desk.run([...burnt, ...args]);
    expect([args, stderr, code]).toEqual([args, '', 0]);
  }
  expect((await desk.run(['-c', 'good.yaml', 'reconcile'])).code).toBe(0);
});

test.each(['config check', 'reconcile', 'daemon', 'verify', 'drill', 'probe'])(
  '%s refuses, with every value that is not there',
  async (command) => {
    await using desk = await openBurntDesk();
    const { code, stderr } = await desk.run([...burnt, ...command.split(' ')]);
    expect(code).toBe(2);
    expect(stderr).toContain('has 4 problems');
  },
);

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { authorizeWith, CredentialsError } from '../../../src/providers/gcs/credentials.ts';

/** A key file of an external account whose tokens come from a server of our own. */
async function withKeyFile(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  work: (keyFile: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-gcs-'));
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const token = join(directory, 'subject');
  const keyFile = join(directory, 'key.json');
  await writeFile(token, 'subject-secret');
  const account = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/token`,
    credential_source: { file: token },
  };
  await writeFile(keyFile, JSON.stringify(account));
  try {
    await work(keyFile);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  }
}

test('the SDK gets a token with the key file, and keeps it', async () => {
  let asked = 0;
  const answer = (_: IncomingMessage, response: ServerResponse): void => {
    asked += 1;
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({ access_token: 'token-1', token_type: 'Bearer', expires_in: 3_600, issued_token_type: 'x' }),
    );
  };
  await withKeyFile(answer, async (keyFile) => {
    const authorize = authorizeWith({ keyFile, projectId: 'p' });
    expect(await authorize()).toMatchObject({ authorization: 'Bearer token-1' });
    expect(await authorize()).toMatchObject({ authorization: 'Bearer token-1' });
    expect(asked).toBe(1);
  });
});

test('a refused token is final, and its error shows no secret', async () => {
  const answer = (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(400, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ error: 'invalid_grant', error_description: 'no' }));
  };
  await withKeyFile(answer, async (keyFile) => {
    const error = await authorizeWith({ keyFile, projectId: 'p' })().catch((thrown: unknown) => thrown);
    if (!(error instanceof CredentialsError)) throw new Error('no CredentialsError', { cause: error });
    expect(error.passing).toBe(false);
    expect(error.cause).toBeUndefined();
    expect(error.message).toContain(keyFile);
    expect(error.message).not.toContain('subject-secret');
  });
});

test('a key file that is not there is named', async () => {
  const error = await authorizeWith({ keyFile: '/no/such/key.json', projectId: 'p' })().catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'CredentialsError', passing: false });
  expect(String(error)).toContain('/no/such/key.json');
});

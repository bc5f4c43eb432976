import { expect, test } from 'vitest';
import { refusal } from '../../../src/http/token.ts';

const none = { authorization: undefined, host: '127.0.0.1:8080', origin: undefined };

test.each([
  ['no token, loopback', { token: undefined, loopback: true }, none, undefined],
  ['by name', { token: undefined, loopback: true }, { ...none, host: 'localhost:8080' }, undefined],
  ['IPv6', { token: undefined, loopback: true }, { ...none, host: '[::1]:8080' }, undefined],
  ['a name made to resolve here', { token: undefined, loopback: true }, { ...none, host: 'evil.example:8080' }, 403],
  ['a page of another origin', { token: undefined, loopback: true }, { ...none, origin: 'https://evil.example' }, 403],
  ['a page without an origin', { token: undefined, loopback: true }, { ...none, origin: 'null' }, 403],
  [
    'a page of this machine',
    { token: undefined, loopback: true },
    { ...none, origin: 'http://localhost:8080' },
    undefined,
  ],
  ['no token, not loopback', { token: undefined, loopback: false }, none, 403],
  ['token wanted, none sent', { token: 's3cret', loopback: true }, none, 401],
  ['the wrong token', { token: 's3cret', loopback: false }, { ...none, authorization: 'Bearer s3cres' }, 401],
  ['another scheme', { token: 's3cret', loopback: false }, { ...none, authorization: 'Basic s3cret' }, 401],
  ['the right token', { token: 's3cret', loopback: false }, { ...none, authorization: 'Bearer s3cret' }, undefined],
])('%s', (_, access, request, status) => {
  expect(refusal(access, request)?.status).toBe(status);
});

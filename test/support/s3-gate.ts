import type { IncomingMessage } from 'node:http';
import { startFaultyProxy } from './faulty-proxy.ts';

/** Before an S3 server, what IAM is before S3: lets through what a policy document allows, and answers 403 to the rest. */
export interface S3Gate extends AsyncDisposable {
  readonly url: string;
  /** Undefined: everything is let through. */
  document: object | undefined;
  /** `<action> <resource>` of each request so far, and of those that were refused. */
  readonly asked: Set<string>;
  readonly refused: Set<string>;
}

interface Asked {
  readonly action: string;
  readonly resource: string;
  /** Of a listing. */
  readonly prefix?: string;
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': string } };
}

export async function startS3Gate(endpoint: string): Promise<S3Gate> {
  const proxy = await startFaultyProxy(endpoint);
  const gate: S3Gate = {
    url: proxy.url,
    document: undefined,
    asked: new Set(),
    refused: new Set(),
    [Symbol.asyncDispose]: async () => await proxy.stop(),
  };
  const isRefused = (request: IncomingMessage): boolean => {
    const asked = whatIsAsked(request);
    const name = `${asked.action} ${asked.resource}`;
    gate.asked.add(name);
    if (gate.document === undefined || isAllowed(gate.document, asked)) return false;
    gate.refused.add(name);
    return true;
  };
  const body = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>not in the document</Message></Error>';
  proxy.inject({ match: { when: isRefused }, fault: { status: 403, body } });
  return gate;
}

/** By the table of docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html, path style. */
function whatIsAsked({ method = '', url = '' }: IncomingMessage): Asked {
  const { pathname, searchParams: query } = new URL(url, 'http://gate');
  const [bucket = '', ...rest] = decodeURIComponent(pathname).slice(1).split('/');
  const key = rest.join('/');
  if (bucket === '') return { action: 's3:ListAllMyBuckets', resource: '*' };
  if (key !== '') return { action: `s3:${ofObject(method, query)}`, resource: `arn:aws:s3:::${bucket}/${key}` };
  const resource = `arn:aws:s3:::${bucket}`;
  if (query.has('uploads')) return { action: 's3:ListBucketMultipartUploads', resource };
  if (query.has('versioning')) return { action: `s3:${method === 'GET' ? 'Get' : 'Put'}BucketVersioning`, resource };
  if (query.has('object-lock')) return { action: 's3:GetBucketObjectLockConfiguration', resource };
  const prefix = query.get('prefix');
  const listing = method === 'GET' && query.get('list-type') === '2';
  return {
    action: listing ? 's3:ListBucket' : `unknown ${method} ${url}`,
    resource,
    ...(prefix !== null && { prefix }),
  };
}

function ofObject(method: string, query: URLSearchParams): string {
  const version = query.has('versionId') ? 'Version' : '';
  if (method === 'DELETE') return query.has('uploadId') ? 'AbortMultipartUpload' : `DeleteObject${version}`;
  if (method === 'PUT' || method === 'POST') return 'PutObject';
  return query.has('uploadId') ? 'ListMultipartUploadParts' : `GetObject${version}`;
}

function isAllowed(document: object, asked: Asked): boolean {
  const { Statement: statements } = document as { readonly Statement: readonly Statement[] };
  const about = statements.filter((statement) => concerns(statement, asked));
  return about.some(({ Effect }) => Effect === 'Allow') && !about.some(({ Effect }) => Effect === 'Deny');
}

function concerns({ Action, Resource, Condition }: Statement, { action, resource, prefix }: Asked): boolean {
  const wanted = Condition?.StringLike['s3:prefix'];
  return (
    Action.includes(action) &&
    [Resource].flat().some((pattern) => like(pattern, resource)) &&
    (wanted === undefined || (prefix !== undefined && like(wanted, prefix)))
  );
}

/** `*` is anything; `${*}` is a star. */
function like(pattern: string, text: string): boolean {
  const source = pattern
    .split(/(\$\{[*?$]\}|\*)/)
    .map((piece) => (piece === '*' ? '.*' : literally(/^\$\{.\}$/.test(piece) ? piece.charAt(2) : piece)));
  return new RegExp(`^${source.join('')}$`, 's').test(text);
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

import type { Dialect } from './synthetic-listing.ts';

const iso = (time: number): string => new Date(time).toISOString();

/** ListObjectsV2, with what AWS says of objects that were sent with a CRC32C. */
export const s3Dialect: Dialect = {
  contentType: 'application/xml',
  parse: ({ method }, { pathname, searchParams: query }) => {
    if (method !== 'GET' || query.get('list-type') !== '2') return undefined;
    const after = query.get('start-after');
    return {
      bucket: pathname.split('/')[1] ?? '',
      prefix: query.get('prefix') ?? '',
      token: query.get('continuation-token'),
      from: after === null ? '' : `${after}\0`,
      max: Number(query.get('max-keys') ?? 1_000),
    };
  },
  render: ({ bucket, prefix, max }, { listed, next }) => {
    const contents = listed.map(
      ({ key, size, version, modifiedAt }) =>
        `<Contents><Key>${key}</Key><LastModified>${iso(modifiedAt)}</LastModified><ETag>&quot;${version.s3}&quot;</ETag>` +
        `<ChecksumAlgorithm>CRC32C</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>${size}</Size>` +
        '<StorageClass>STANDARD</StorageClass></Contents>',
    );
    const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
    return (
      '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
      `<Name>${bucket}</Name><Prefix>${prefix}</Prefix><KeyCount>${listed.length}</KeyCount><MaxKeys>${max}</MaxKeys>` +
      `<EncodingType>url</EncodingType><IsTruncated>${next !== undefined}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`
    );
  },
};

/** The JSON API's `objects.list`. */
export const gcsDialect: Dialect = {
  contentType: 'application/json; charset=UTF-8',
  parse: ({ method }, { pathname, searchParams: query }) => {
    const [, bucket] = /^\/storage\/v1\/b\/([^/]+)\/o$/.exec(pathname) ?? [];
    if (method !== 'GET' || bucket === undefined) return undefined;
    return {
      bucket,
      prefix: query.get('prefix') ?? '',
      token: query.get('pageToken'),
      from: query.get('startOffset') ?? '',
      max: Math.min(1_000, Number(query.get('maxResults') ?? 1_000)),
    };
  },
  render: (_, { listed, next }) => {
    const items = listed.map(({ key: name, size, version, md5, modifiedAt }) => ({
      ...{ name, size: String(size), generation: version.gcs, updated: iso(modifiedAt) },
      ...{ crc32c: md5.subarray(12).toString('base64'), md5Hash: md5.toString('base64') },
    }));
    return JSON.stringify({ kind: 'storage#objects', ...(next !== undefined && { nextPageToken: next }), items });
  },
};

/** List Blobs, with the properties that the service gives of every block blob. */
export const azureDialect: Dialect = {
  contentType: 'application/xml',
  parse: ({ method }, { pathname, searchParams: query }) => {
    if (method !== 'GET' || query.get('comp') !== 'list' || query.get('restype') !== 'container') return undefined;
    return {
      bucket: pathname.split('/').at(-1) ?? '',
      prefix: query.get('prefix') ?? '',
      token: query.get('marker') || null,
      from: query.get('startFrom') ?? '',
      max: Number(query.get('maxresults') ?? 5_000),
    };
  },
  render: ({ bucket, prefix, max }, { listed, next }) => {
    const blobs = listed.map(({ key, size, version, md5, modifiedAt }) => {
      const time = new Date(modifiedAt).toUTCString();
      return (
        `<Blob><Name>${key}</Name><Properties><Creation-Time>${time}</Creation-Time><Last-Modified>${time}</Last-Modified>` +
        `<Etag>${version.azure}</Etag><Content-Length>${size}</Content-Length><Content-Type>application/octet-stream</Content-Type>` +
        `<Content-Encoding/><Content-Language/><Content-CRC64/><Content-MD5>${md5.toString('base64')}</Content-MD5><Cache-Control/>` +
        '<Content-Disposition/><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>' +
        '<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>' +
        '</Properties><OrMetadata/></Blob>'
      );
    });
    return (
      `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://127.0.0.1/" ContainerName="${bucket}">` +
      `<Prefix>${prefix}</Prefix><MaxResults>${max}</MaxResults><Blobs>${blobs.join('')}</Blobs><NextMarker>${next ?? ''}</NextMarker>` +
      '</EnumerationResults>'
    );
  },
};

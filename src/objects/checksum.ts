/** Algorithms a provider may check or report for the bytes it stores. SHA-256 is computed for every object. */
export type ChecksumAlgorithm = 'sha256' | 'crc32c' | 'crc64nvme' | 'md5';

/** Checksums of one run of bytes, each as lower-case hex (CRCs big-endian: 8 and 16 digits). */
export type Checksums = Readonly<Partial<Record<ChecksumAlgorithm, string>>>;

/** The checksums of a whole object, computed by us from bytes we read. */
export type Digest = Checksums & { readonly sha256: string };

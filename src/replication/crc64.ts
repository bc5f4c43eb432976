/**
 * CRC-64/NVME by the WebAssembly that comes with Azure's SDK: more than twice as fast as the JavaScript
 * implementations (550 against 230 MB/s on one core here), and loaded only when some provider wants it.
 */
export interface Crc64 {
  update(bytes: Uint8Array): void;
  /** Big-endian hex. Ends it. */
  digest(): string;
}

/** What of the package's calculator is used; its result is least significant byte first. */
interface Calculator {
  append(bytes: Uint8Array, length: number): void;
  final(bytes: Uint8Array, length: number): Uint8Array;
}

/** The calculator never frees its native half, which would leak 136 bytes a time; `destroy` is what its binding offers. */
interface Binding {
  readonly nativeInstance: { destroy(native: unknown): void };
}

const slice = 256 * 1024;
const nothing = new Uint8Array();

export async function createCrc64(): Promise<Crc64> {
  const { StorageCRC64Calculator } = await import('@azure/storage-common');
  await StorageCRC64Calculator.init();
  const calculator: Calculator = new StorageCRC64Calculator();
  return {
    // In slices: its memory grows with the longest run of bytes and never shrinks.
    update: (bytes) => {
      for (let at = 0; at < bytes.length; at += slice) {
        const piece = bytes.subarray(at, at + slice);
        calculator.append(piece, piece.length);
      }
    },
    digest: () => {
      const littleEndian = calculator.final(nothing, 0);
      const { nativeInstance } = StorageCRC64Calculator as unknown as Binding;
      nativeInstance.destroy((calculator as unknown as { readonly nativeCrc64Hash: unknown }).nativeCrc64Hash);
      return Buffer.from(littleEndian).reverse().toString('hex');
    },
  };
}

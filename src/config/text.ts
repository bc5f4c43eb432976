const utf8 = new TextDecoder('utf-8', { fatal: true });

/** UTF-8 text without its byte order mark, or undefined when the bytes are not such text. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Offset of the first character that no text file holds, or -1. */
export function findControlCharacter(text: string): number {
  return text.search(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/);
}

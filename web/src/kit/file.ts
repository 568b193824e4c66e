/** Text files as people have them: UTF-8, with or without a byte order mark, and UTF-16 with one. */

/** fileText reads a chosen file; undefined if it is larger than bytesMax or is no text. */
export async function fileText(file: Blob, bytesMax: number): Promise<string | undefined> {
  if (file.size > bytesMax) return undefined;
  const b = new Uint8Array(await file.arrayBuffer());
  const encoding = b[0] === 0xff && b[1] === 0xfe ? "utf-16le" : b[0] === 0xfe && b[1] === 0xff ? "utf-16be" : "utf-8";
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(b);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

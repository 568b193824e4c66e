/** Any picture that this browser reads, drawn anew as a logo within the rules of profiles. */
import { concat } from "@scrip/sdk/bytes";
import { inspectLogo, profileLimits } from "@scrip/sdk/profiles";

const pictureBytesMax = 8 << 20;
const sides = [profileLimits.logoSideMax, 256, 128];
const kept = /^(IHDR|PLTE|tRNS|IDAT|IEND)$/;

/** plainPng leaves out what a browser adds of its own: only what draws stays. */
export function plainPng(b: Uint8Array): Uint8Array {
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const parts = [b.subarray(0, 8)];
  for (let at = 8; at + 12 <= b.length;) {
    const size = 12 + view.getUint32(at);
    if (kept.test(String.fromCharCode(...b.subarray(at + 4, at + 8)))) parts.push(b.subarray(at, at + size));
    at += size;
  }
  return concat(...parts);
}

/** plainJpeg leaves out the segments of applications and remarks in front of the picture. */
export function plainJpeg(b: Uint8Array): Uint8Array {
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const parts = [b.subarray(0, 2)];
  let at = 2;
  for (; at + 4 <= b.length && b[at + 1] !== 0xda;) {
    const [marker, size] = [b[at + 1] ?? 0, 2 + view.getUint16(at + 2)];
    const extra = marker === 0xfe || (marker > 0xe0 && marker <= 0xef && marker !== 0xee);
    if (!extra) parts.push(b.subarray(at, at + size));
    at += size;
  }
  return concat(...parts, b.subarray(at));
}

async function drawn(picture: ImageBitmap, side: number, type: "image/png" | "image/jpeg"): Promise<Uint8Array> {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("this browser draws no pictures");
  if (type === "image/jpeg") {
    // it has nothing transparent
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  }
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, type, 0.85));
  if (!blob) throw new Error("this browser writes no pictures");
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return type === "image/png" ? plainPng(bytes) : plainJpeg(bytes);
}

/** logoOf makes a logo of a file; undefined if it is no picture, or makes none. */
export async function logoOf(file: Blob): Promise<Uint8Array | undefined> {
  if (file.size > pictureBytesMax) return undefined;
  const picture = await createImageBitmap(file).catch(() => undefined);
  if (!picture) return undefined;
  for (const side of sides) {
    for (const type of ["image/png", "image/jpeg"] as const) {
      const b = await drawn(picture, side, type);
      if (inspectLogo(b)) return b;
    }
  }
  return undefined;
}

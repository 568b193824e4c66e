/**
 * Reading QR codes with the camera, and what a USB scanner types. The browser's own
 * detector is used where it is; elsewhere a decoder that is loaded when it is needed.
 */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../ui.tsx";
import { t } from "./text.ts";

interface Detector {
  detect(source: HTMLVideoElement): Promise<readonly { rawValue: string }[]>;
}
type Decode = (video: HTMLVideoElement) => Promise<string | undefined>;

const frameMs = 120;
const sideMax = 640;

async function nativeDecoder(): Promise<Decode | undefined> {
  const Native = (
    globalThis as {
      BarcodeDetector?: { new (o: { formats: string[] }): Detector; getSupportedFormats(): Promise<string[]> };
    }
  ).BarcodeDetector;
  if (!Native || !(await Native.getSupportedFormats().catch((): string[] => [])).includes("qr_code")) return undefined;
  const detector = new Native({ formats: ["qr_code"] });
  return async (video) => (await detector.detect(video))[0]?.rawValue;
}

async function ownDecoder(): Promise<Decode> {
  const { decodeQR } = await import("qr/decode.js");
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, sideMax / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (pen === null || canvas.width === 0) return undefined;
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    try {
      return decodeQR(pen.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      return undefined; // no code in this picture
    }
  };
}

/** why says why there is no camera. */
function why(error: unknown): string {
  if (!isSecureContext) return t("insecure");
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return t("denied");
  return name === "NotReadableError" ? t("busy") : t("none");
}

/** watch calls onText with each code that comes into view, once until another one does. */
async function watch(video: HTMLVideoElement, stop: AbortSignal, onText: (text: string) => void): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 } },
  });
  const release = () => stream.getTracks().forEach((track) => track.stop());
  if (stop.aborted) return release();
  stop.addEventListener("abort", release);
  video.srcObject = stream;
  await video.play();
  const decode = (await nativeDecoder()) ?? (await ownDecoder());
  let last = "";
  while (!stop.aborted) {
    const text = await decode(video).catch(() => undefined);
    if (text && text !== last && !stop.aborted) {
      last = text;
      onText(text);
    }
    await new Promise((resolve) => setTimeout(resolve, frameMs));
  }
}

/** allowed tells whether the person has let this page use the camera before, so that it need not ask. */
async function allowed(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: "camera" as PermissionName })).state === "granted";
  } catch {
    return false;
  }
}

/**
 * CameraScanner shows the camera's picture and reads codes from it; without one it says
 * why. It starts by itself if asked to, or if the page was allowed to before.
 */
export function CameraScanner(p: { onText: (text: string) => void; autoStart?: boolean }): JSX.Element {
  const video = useRef<HTMLVideoElement>(null);
  const [on, setOn] = useState(p.autoStart ?? false);
  useEffect(() => {
    void allowed().then((yes) => {
      if (yes) setOn(true);
    });
  }, []);
  const [fault, setFault] = useState<string>();
  const onText = useRef(p.onText);
  onText.current = p.onText;
  useEffect(() => {
    if (!on || !video.current) return undefined;
    if (!navigator.mediaDevices) {
      setFault(why(undefined));
      setOn(false);
      return undefined;
    }
    const stop = new AbortController();
    watch(video.current, stop.signal, (text) => onText.current(text)).catch((e: unknown) => {
      if (stop.signal.aborted) return;
      setFault(why(e));
      setOn(false);
    });
    return () => stop.abort();
  }, [on]);
  return (
    <div class="scanner stack-s">
      <video ref={video} class="scanner-picture" muted playsInline hidden={!on} aria-label={t("camera")} />
      {fault && (
        <p class="soft" role="status">
          {fault}
        </p>
      )}
      {!fault && <Button onClick={() => setOn(!on)}>{on ? t("stop") : t("start")}</Button>}
    </div>
  );
}

const wedgeGapMs = 250;
const wedgeLeast = 8;

/**
 * useWedge hears a scanner that types like a keyboard: many keys in quick succession,
 * closed by Enter, while no field has the focus. Slow counters deliver keys late, so
 * the gap is wide: what a person types here by mistake is merely an unreadable code.
 */
export function useWedge(onText: (text: string) => void): void {
  const handler = useRef(onText);
  handler.current = onText;
  useEffect(() => {
    let text = "";
    let last = 0;
    const key = (e: KeyboardEvent) => {
      const target = e.target;
      if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || e.ctrlKey || e.metaKey) return;
      if (e.timeStamp - last > wedgeGapMs) text = "";
      last = e.timeStamp;
      if (e.key === "Enter") {
        if (text.length >= wedgeLeast) {
          e.preventDefault();
          handler.current(text);
        }
        text = "";
      } else if (e.key.length === 1) {
        text += e.key;
        if (text.length > 2) e.preventDefault(); // a fast space or letter must not press a button
      }
    };
    addEventListener("keydown", key, true);
    return () => removeEventListener("keydown", key, true);
  }, []);
}

/**
 * Reading QR codes with the camera, and what a USB scanner types. The browser's own
 * detector is used where it is; elsewhere a decoder that is loaded when it is needed.
 */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../ui.tsx";
import { isCode, placed, typedText, type Stroke } from "./wedge.ts";
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
  return name === "NotReadableError" || name === "AbortError" ? t("busy") : t("none");
}

/** watch calls onText with each code that comes into view, once until another one does; it throws when the picture ends. */
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
    if (!stream.active) throw new DOMException("the camera gives no picture any more", "NotReadableError");
    const text = await decode(video).catch(() => undefined);
    if (text && text !== last && !stop.aborted) {
      last = text;
      onText(text);
    }
    await new Promise((resolve) => setTimeout(resolve, frameMs));
  }
}

/** watchPermission calls onAllowed if the page may use the camera without asking, now or once a person has changed that. */
async function watchPermission(stop: AbortSignal, onAllowed: () => void): Promise<void> {
  try {
    const status = await navigator.permissions.query({ name: "camera" as PermissionName });
    const look = () => {
      if (status.state === "granted" && !stop.aborted) onAllowed();
    };
    status.addEventListener("change", look, { signal: stop });
    look();
  } catch {
    // This browser does not tell: the button is there.
  }
}

/**
 * CameraScanner shows the camera's picture and reads codes from it; without one it says why, and
 * can be started again. It starts by itself if asked to, or as soon as the page is allowed to.
 */
export function CameraScanner(p: { onText: (text: string) => void; autoStart?: boolean }): JSX.Element {
  const video = useRef<HTMLVideoElement>(null);
  const [on, setOn] = useState(p.autoStart ?? false);
  const [fault, setFault] = useState<string>();
  const onText = useRef(p.onText);
  onText.current = p.onText;
  useEffect(() => {
    const stop = new AbortController();
    void watchPermission(stop.signal, () => setOn(true));
    return () => stop.abort();
  }, []);
  useEffect(() => {
    if (!on || !video.current) return undefined;
    const stop = new AbortController();
    const failed = (e: unknown) => {
      if (stop.signal.aborted) return;
      setFault(why(e));
      setOn(false);
    };
    setFault(undefined);
    if (navigator.mediaDevices) watch(video.current, stop.signal, (text) => onText.current(text)).catch(failed);
    else failed(undefined);
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
      {isSecureContext && <Button onClick={() => setOn(!on)}>{on ? t("stop") : t("start")}</Button>}
    </div>
  );
}

const wedgeGapMs = 250;
const wedgeLeast = 8;
const wedgeMost = 2048;

/**
 * useWedge hears a scanner that types like a keyboard: many keys in quick succession, closed by
 * Enter or Tab. In a field it hears codes alone, as people type there. Slow counters deliver keys
 * late, so the gap is wide; onText is told how long a key took in the mean, ms, and leaves to the
 * page what it takes for a person's keys by returning false.
 */
export function useWedge(onText: (text: string, keyMs: number) => boolean): void {
  const handler = useRef(onText);
  handler.current = onText;
  useEffect(() => {
    let strokes: Stroke[] = [];
    let first = 0;
    let last = 0;
    const end = (e: KeyboardEvent, inField: boolean) => {
      const text = typedText(strokes);
      const many = strokes.length >= wedgeLeast && strokes.length <= wedgeMost;
      const keyMs = (last - first) / strokes.length;
      strokes = [];
      if (!many || ((inField || e.key === "Tab") && !isCode(text)) || !handler.current(text, keyMs)) return;
      e.preventDefault();
      e.stopImmediatePropagation(); // it closes a scan, and answers no question of the page
    };
    const key = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.key === "Shift" || e.key === "CapsLock") return;
      const inField = e.target instanceof HTMLInputElement || e.target instanceof HTMLTextAreaElement;
      if (e.timeStamp - last > wedgeGapMs) strokes = [];
      last = e.timeStamp;
      if (e.key === "Enter" || e.key === "Tab") return end(e, inField);
      const stroke = { key: [...e.key].length === 1 ? e.key : "", code: e.code, shift: e.shiftKey };
      if (stroke.key === "" && placed(stroke) === "") return;
      if (strokes.length === 0) first = e.timeStamp;
      strokes.push(stroke);
      // A fast space or letter must not press a button.
      if (!inField && strokes.length > 2) e.preventDefault();
    };
    addEventListener("keydown", key, true);
    return () => removeEventListener("keydown", key, true);
  }, []);
}

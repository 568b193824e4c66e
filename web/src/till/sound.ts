/** A short sound for a result, beside the word and the sign; it can be turned off. */
import { prefer, preference } from "../kit/i18n.ts";

const key = "scrip.till.silent";

export const soundOn = (): boolean => preference(key) !== "1";
export const setSound = (on: boolean): void => prefer(key, on ? null : "1");

const tones = { accepted: [660, 880], refused: [220, 165], waiting: [] } as const;
const toneS = 0.12;
const volume = 0.2;
let context: AudioContext | undefined;

/** sound plays a result's tones, if the browser lets it. */
export function sound(kind: keyof typeof tones): void {
  if (!soundOn() || tones[kind].length === 0 || !("AudioContext" in globalThis)) return;
  try {
    context ??= new AudioContext();
    const audio = context;
    tones[kind].forEach((hertz, i) => {
      const tone = audio.createOscillator();
      const gain = audio.createGain();
      gain.gain.value = volume;
      tone.frequency.value = hertz;
      tone.connect(gain).connect(audio.destination);
      tone.start(audio.currentTime + i * toneS);
      tone.stop(audio.currentTime + (i + 1) * toneS);
    });
  } catch {
    // No sound is no fault: word and sign say the same.
  }
}

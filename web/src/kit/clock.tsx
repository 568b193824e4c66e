/** The notice that the device's clock is wrong. */
import type { JSX } from "preact";
import { signal } from "@preact/signals";
import { span } from "./format.ts";
import { t } from "./text.ts";
import { Notice } from "./ui.tsx";

/** deviceSkewMs is the chain's time less the device's, in ms, as the page's Link measures it; 0 while they agree. */
export const deviceSkewMs = signal(0);

/** ClockNotice says how wrong the device's clock is, and that nothing depends on it. The frame of a page shows it. */
export function ClockNotice(): JSX.Element | null {
  const ms = deviceSkewMs.value;
  if (ms === 0) return null;
  return (
    <div class="clock-note" data-clock={ms}>
      <Notice kind="accent" live>
        <p class="small">{t(ms < 0 ? "clockFast" : "clockSlow", { span: span(Math.abs(ms)) })}</p>
      </Notice>
    </div>
  );
}

/** A shop's logo on a white tile: logos are drawn for paper. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { base64 } from "@scrip/sdk/bytes";
import type { Look } from "./look.ts";

/** Logo draws nothing if there is none. It is beside the shop's name, and so has none of its own. */
export function Logo(p: { look: Look; large?: boolean }): JSX.Element | null {
  const { logo, logoType } = p.look;
  const url = useMemo(() => `data:${logoType};base64,${base64(logo)}`, [logo, logoType]);
  return logo.length === 0 ? null : <img class={`logo${p.large ? " logo-large" : ""}`} src={url} alt="" />;
}

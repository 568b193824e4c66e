/** What the till says while no node answers. */
import type { JSX } from "preact";
import { Notice } from "../kit/ui.tsx";
import { useLink } from "./context.ts";
import { t } from "./text.ts";

export function Away(): JSX.Element | null {
  const { asked, up } = useLink().pulse.value;
  if (!asked || up > 0) return null;
  return (
    <Notice kind="bad" live>
      <p>{t("nodeAway")}</p>
    </Notice>
  );
}

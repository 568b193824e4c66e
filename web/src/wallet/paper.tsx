/**
 * What of a coupon may stand on paper. A shown code lives for a minute and a secret for
 * good, so neither does: the paper of an own coupon points to its public page, and takes
 * nothing. A gift is made to be handed over, and can be taken back: its link may.
 */
import type { JSX } from "preact";
import { Button } from "../kit/ui.tsx";
import { Qr } from "./parts.ts";
import { t } from "./text.ts";

/** Paper is printed below the coupon, and not seen on the screen. */
export function Paper(p: { link: string; what: string; say: string }): JSX.Element {
  return (
    <section class="paper">
      <Qr text={p.link} what={p.what} />
      <p>{p.say}</p>
    </section>
  );
}

export function PrintButton(): JSX.Element {
  return (
    <Button kind="plain" onClick={() => print()}>
      {t("paperPrint")}
    </Button>
  );
}

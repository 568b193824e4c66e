/** A coupon of the wallet, drawn with the kit's slip. */
import type { JSX } from "preact";
import { campaignOf, serialOf } from "@scrip/sdk/transactions";
import { Coupon, type StampText } from "../kit/coupon.tsx";
import { dateTime } from "../kit/format.ts";
import { useShop } from "../kit/shop/shops.ts";
import { fromOf, ruleOf } from "../kit/terms.ts";
import { t as kit } from "../kit/text.ts";
import { Notice } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import type { Slip } from "./purse.ts";
import { t } from "./text.ts";

/** stateText says a slip's state in a word or two. */
export function stateText(s: Slip): string | undefined {
  switch (s.state) {
    case "pending":
      return t(s.pending?.what === "accept" ? "pendingAccept" : "pendingClaim");
    case "offered":
      return kit("stateOffered");
    case "early":
      return kit("stateNotYet");
    case "given":
      return kit("stateGiven");
    case "expired":
      return kit("stateExpired");
    case "redeemed":
      return kit("stateRedeemed");
    default:
      return s.pending ? kit("statePending") : undefined;
  }
}

function stampOf(s: Slip, fresh: boolean): StampText | undefined {
  const last = s.uses.find((u) => !u.voided);
  switch (s.state) {
    case "redeemed":
      return { word: t("stampUsed"), lines: last ? [dateTime(last.atMs), last.shop] : [], fresh };
    case "given":
      return { word: t("stampGiven"), lines: [] };
    case "expired":
      return { word: t("stampExpired"), lines: [] };
    default:
      return undefined;
  }
}

export function SlipCard(p: { slip: Slip; link?: boolean; fresh?: boolean }): JSX.Element | null {
  const session = useSession();
  const { slip } = p;
  const campaign = campaignOf(slip.id);
  const terms = session.terms.value.get(campaign);
  const look = useShop(session.link, terms?.issuer ?? 0);
  if (!terms) return null;
  return (
    <Coupon
      issuer={slip.issuer}
      title={slip.title}
      rule={ruleOf(terms, session.link.currency(terms.currency))}
      valueLeft={slip.valueLeft}
      campaign={campaign}
      serial={serialOf(slip.id)}
      fromMs={fromOf(terms, session.link.nowMs())}
      untilMs={slip.untilMs}
      usesLeft={slip.usesLeft}
      state={stateText(slip)}
      stamp={stampOf(slip, p.fresh ?? false)}
      done={slip.state === "redeemed" || slip.state === "given" || slip.state === "expired"}
      specimen={session.link.demo}
      look={look}
      href={p.link ? `#/coupon/${slip.id}` : undefined}
    />
  );
}

/** Stale says that what is shown is a copy, and of when. */
export function Stale(): JSX.Element | null {
  const session = useSession();
  const { up, asked } = session.link.pulse.value;
  const seen = Math.max(0, ...session.slips.value.map((s) => s.seenMs));
  if (up > 0 || seen === 0 || (navigator.onLine && !asked)) return null;
  return (
    <Notice live>
      <p>{t("savedCopy", { time: dateTime(seen) })}</p>
    </Notice>
  );
}

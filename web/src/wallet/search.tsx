/** How a look for coupons is shown, and where else coupons may be. */
import type { JSX } from "preact";
import { Button, Loading, Notice } from "../kit/ui.tsx";
import { useSession } from "./context.ts";
import type { Session } from "./model.ts";
import { t } from "./text.ts";

const addressesMax = 8;
const loopback = new Map([
  ["localhost", "127.0.0.1"],
  ["127.0.0.1", "localhost"],
]);

/** otherAddresses are the origins of a network's nodes beside the page's own, where a wallet has storage of its own. */
export function otherAddresses(origin: string, nodes: readonly string[]): string[] {
  const here = new URL(origin);
  const twin = loopback.get(here.hostname);
  const all = new Set(nodes);
  if (twin) all.add(`${here.protocol}//${twin}${here.port && `:${here.port}`}`);
  all.delete(origin);
  return [...all].slice(0, addressesMax);
}

/** Elsewhere says that coupons stay at the address where they were claimed, and where that may have been. */
export function Elsewhere(p: { text: string }): JSX.Element | null {
  const others = otherAddresses(location.origin, useSession().link.named);
  return (
    <div class="stack-s elsewhere">
      <p>{p.text}</p>
      <ul role="list" class="row small">
        {others.map((o) => (
          <li key={o}>
            <a href={`${o}/wallet/`}>{new URL(o).host}</a>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** look starts a look that a person asks for; why it came to no end, the first page says. */
export function look(session: Session, far = false): void {
  void session.look(far).catch(() => undefined);
}

/** LookState is the look that is under way, or what the last one came to. */
export function LookState(): JSX.Element | null {
  const session = useSession();
  const now = session.looking.now.value;
  const last = session.looking.last.value;
  if (session.filling.value || (now && !now.quiet)) {
    return (
      <Notice live>
        {now?.of ? <p>{t("lookBusy", { at: now.at, of: now.of })}</p> : <Loading what={t("restoreBusy")} />}
        {now?.of ? <progress value={now.at} max={now.of} aria-label={t("restoreBusy")} /> : null}
        {now && (
          <div class="row">
            <Button kind="plain" onClick={() => session.looking.stop()}>
              {t("lookStop")}
            </Button>
          </div>
        )}
      </Notice>
    );
  }
  if (!last || session.missed.value !== undefined) return null;
  const text = last.found > 0 ? t("restoreFound", { n: last.found }) : last.stopped ? t("lookStopped") : t("lookNone");
  return (
    <Notice live kind={last.found > 0 ? "good" : undefined}>
      <div class="row">
        <span>{text}</span>
        {!last.far && (
          <Button kind="plain" onClick={() => look(session, !last.stopped)}>
            {last.stopped ? t("lookAct") : t("lookFar")}
          </Button>
        )}
      </div>
    </Notice>
  );
}

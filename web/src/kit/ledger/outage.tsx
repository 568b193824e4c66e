/** Which members' nodes do not answer, since when, and how much more the network bears. */
import type { JSX } from "preact";
import { findNodes } from "@scrip/sdk/services";
import type { Away, Link } from "../chain.ts";
import { time } from "../format.ts";
import { Notice, useLoad } from "../ui.tsx";
import { t } from "./text.ts";

/** outageText says it in a sentence or two. names are the members' by their nodes' addresses. */
export function outageText(
  away: readonly Away[],
  names: ReadonlyMap<string, string>,
  validators: number,
  quorum: number,
): string {
  const who = away.map((a) =>
    t("outageOne", { name: names.get(a.node) ?? new URL(a.node).host, since: time(a.sinceMs) }),
  );
  const more = validators - quorum - away.length;
  return `${t("outageWho", { who: who.join(t("outageAnd")) })} ${
    more < 0
      ? t("outageStop", { need: quorum, total: validators })
      : more === 0
        ? t("outageLast")
        : t("outageMore", { n: more })
  }`;
}

/** Outage shows it while there is one; an amber sign, and a red one when the network cannot go on. */
export function Outage(p: { link: Link }): JSX.Element | null {
  const { link } = p;
  const { away, up } = link.pulse.value;
  const nodes = useLoad((signal) => findNodes(link.client, { signal }), [away.length > 0]);
  if (away.length === 0 || up === 0) return null;
  const names = new Map(nodes.value?.nodes.flatMap((n) => (n.url ? [[new URL(n.url).origin, n.name] as const] : [])));
  const validators = link.genesis.validators.length;
  const { quorum } = link.client.verifier.committee;
  return (
    <Notice {...(validators - away.length < quorum ? { kind: "bad" as const } : {})} live>
      <p class="strong" data-away={away.length}>
        {outageText(away, names, validators, quorum)}
      </p>
    </Notice>
  );
}

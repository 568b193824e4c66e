/**
 * Parts of a face that its first page does not need. They are fetched when they are asked for, and
 * in any case once the first page stands, so that they are there when the network is not.
 */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "./text.ts";
import { Failure, Loading } from "./ui.tsx";

const restMs = 1500;
const rest: (() => Promise<unknown>)[] = [];

/** lazily is a component that fetches itself; until it is there it says so, and if it does not come, why. */
export function lazily<P extends object>(load: () => Promise<ComponentType<P>>): (p: P) => JSX.Element {
  let part: ComponentType<P> | undefined;
  const fetched = async () => {
    part = await load();
  };
  rest.push(fetched);
  return function Part(p: P): JSX.Element {
    const [state, setState] = useState<"busy" | "there" | "away">("busy");
    useEffect(() => {
      // It may have come since this was drawn.
      const coming = part === undefined ? fetched() : Promise.resolve();
      coming.then(
        () => setState("there"),
        () => setState("away"),
      );
    }, []);
    const There = part;
    if (There) return <There {...p} />;
    if (state !== "away") return <Loading />;
    // A browser may remember that a file did not come: the page is opened anew.
    return <Failure level={1} title={t("partAway")} detail={t("partAwayText")} onRetry={() => location.reload()} />;
  };
}

/** fetchRest fetches what was not asked for yet, one part after the other, when the first page has had time. */
export function fetchRest(): void {
  setTimeout(async () => {
    for (const fetched of rest) await fetched().catch(() => undefined); // asked for again when it is needed
  }, restMs);
}

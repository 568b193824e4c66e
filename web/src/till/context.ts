/** What the pages of the till share: the chain, and the till that is open. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Link } from "../kit/chain.ts";
import type { Till } from "./model.ts";

export const LinkContext = createContext<Link | undefined>(undefined);
export const TillContext = createContext<Till | undefined>(undefined);

/** useLink returns the chain that the page is connected to. */
export function useLink(): Link {
  const link = useContext(LinkContext);
  if (!link) throw new Error("no chain is open");
  return link;
}

/** useTill returns the till that is open. */
export function useTill(): Till {
  const till = useContext(TillContext);
  if (!till) throw new Error("no till is open");
  return till;
}

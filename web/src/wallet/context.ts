/** The open wallet, as its pages share it. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "./model.ts";

export const SessionContext = createContext<Session | undefined>(undefined);

/** useSession returns the open wallet. */
export function useSession(): Session {
  const s = useContext(SessionContext);
  if (!s) throw new Error("no wallet is open");
  return s;
}

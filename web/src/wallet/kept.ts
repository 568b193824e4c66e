/** When the wallet was kept safe. */
import type { Session } from "./model.ts";

export const keptRow = "kept";

/** keptAt says when the wallet was kept safe last, if it was. */
export function keptAt(session: Session): Promise<number | undefined> {
  return session.link.store.get<number>(keptRow);
}

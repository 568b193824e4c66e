/** The parts of pages that the wallet fetches after its first page. */
import { lazily } from "../kit/lazy.tsx";

export const ShopFacts = lazily(async () => (await import("../kit/shop/facts.tsx")).ShopFacts);
export const Wording = lazily(async () => (await import("../kit/wording/wording.tsx")).Wording);
export const Qr = lazily(async () => (await import("../kit/qr.tsx")).Qr);

/** The pages that the wallet fetches after its first one, gathered in one file. */
export { GiftPage } from "./gift.tsx";
export { KeepPage } from "./keep.tsx";
export { PayPage } from "./pay.tsx";
export { Replace, RestorePage } from "./restore.tsx";
export { ScanPage } from "./scan.tsx";
export { ShowPage } from "./show.tsx";

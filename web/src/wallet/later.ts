/** The pages of the wallet that its first one does without. */
import { lazily } from "../kit/lazy.tsx";

const rest = () => import("./rest.ts");

export const GiftPage = lazily(async () => (await rest()).GiftPage);
export const KeepPage = lazily(async () => (await rest()).KeepPage);
export const PayPage = lazily(async () => (await rest()).PayPage);
export const Replace = lazily(async () => (await rest()).Replace);
export const RestorePage = lazily(async () => (await rest()).RestorePage);
export const ScanPage = lazily(async () => (await rest()).ScanPage);
export const ShowPage = lazily(async () => (await rest()).ShowPage);

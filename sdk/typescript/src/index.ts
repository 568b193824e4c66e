/**
 * Scrip for browsers and Node. Parts of it stand alone as `@scrip/sdk/verify`, `/keys`,
 * `/links`, `/transactions`, `/client`, `/codes`, `/dev` and `/backup`; the last is not
 * part of this one, because of its size.
 */
export * from "./actions.ts";
export * from "./amounts.ts";
export * from "./bytes.ts";
export * from "./client.ts";
export * from "./clock.ts";
export * from "./codes.ts";
export { afterEvent, eventIdText, parseEventId } from "./events.ts";
export * from "./keys.ts";
export * from "./labels.ts";
export * from "./links.ts";
export * from "./market.ts";
export * from "./profiles.ts";
export * from "./scan.ts";
export * from "./services.ts";
export * from "./settlement.ts";
export * from "./texts.ts";
export * from "./transactions.ts";
export * from "./verify.ts";
/** The API's answers as they stand in JSON: `api.CampaignAnswer` and so on. */
export type * as api from "./answers.ts";

/** Verification without a network: `@scrip/sdk/verify`. */
export * from "./consensus.ts";
export * from "./genesis.ts";
export * from "./proofs.ts";
export * from "./receipt.ts";
export * from "./receiptfile.ts";
export * from "./receipts.ts";
export * from "./rows.ts";
export * from "./rows2.ts";
export * from "./verifier.ts";
export { FalseAnswer } from "./errors.ts";

/** The parts of the SDK that the wallet's model uses, gathered. */
export {
  campaignOf,
  claimTx,
  couponId,
  goodAt,
  itemKind,
  randomBytes,
  serialOf,
  signerOf,
  verifyTicket,
  type Terms,
} from "@scrip/sdk/transactions";
export { equal as equalKeys, isZero } from "@scrip/sdk/bytes";

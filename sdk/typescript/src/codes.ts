// Made by `npm run generate`; do not edit.

/**
 * What people and tools are told about each code: those of the domain rules (E101 and on), and the words of the API.
 */
export interface CodeInfo {
  /** "E509", or a word of the API such as "lapsed". */
  readonly code: string;
  /** The upper-case name, such as "ALREADY_REDEEMED"; empty for words of the API. */
  readonly name: string;
  /** The one word that people read; several codes share one. Empty for words of the API. */
  readonly word: string;
  /** What happened, in one sentence. */
  readonly explanation: string;
  /** What to do about it. */
  readonly advice: string;
  /** 1, or 2 for codes that no transaction gives yet. */
  readonly stage: number;
  /** The exit status of the command line. */
  readonly exit: number;
}

type Row = readonly [string, string, string, string, string, number, number];

const table: readonly Row[] = [
  ["E101","BAD_ENCODING","refused","The bytes are not the one encoding that the rules allow.","Build the transaction with a current wallet or tool; do not edit its bytes.",1,6],
  ["E102","BAD_SIGNATURE","refused","A key is not a valid public key, or a signature does not match.","Sign again with the right key and the right chain.",1,4],
  ["E103","WRONG_CHAIN","refused","The transaction was made for another ledger.","Check which network the wallet or tool is set to.",1,6],
  ["E104","TX_EXPIRED","code_stale","The authorisation's time ran out before it reached the ledger.","Show a fresh code and try again.",1,6],
  ["E105","DUPLICATE_TX","refused","This very transaction has been decided before.","Read the receipt of the first one; sign a new transaction to act again.",1,5],
  ["E106","NOT_AUTHORISED","not_allowed","A signer has no right to do this.","Check the member, its state and roles, and that each key is one of its admin keys.",1,4],
  ["E107","TOO_LARGE","refused","The transaction is larger than 8192 bytes.","Split the work into several transactions.",1,6],
  ["E108","OVERLOADED","refused","The node takes no more work from you at the moment.","Wait a little and send the same transaction again.",1,7],
  ["E109","LIFE_TOO_LONG","refused","The expiry lies further ahead than the rules allow.","Use a shorter life: 180 s, or 7 days for transactions signed by members.",1,6],
  ["E110","OVERFLOW","refused","A number would leave its range.","Nothing was changed; report the transaction to the operator.",1,6],
  ["E201","BAD_TERMS","refused","The terms contradict themselves or name something that does not exist.","Compare the terms with the table of their kind, and check currency, funders, shops and budget.",1,6],
  ["E202","BAD_WINDOW","refused","The dates are in the wrong order or too far ahead.","Check that each window opens before it closes and has not closed yet.",1,6],
  ["E203","TERMS_LOCKED","refused","The change would worsen what holders already have.","Publish a new campaign for the new terms.",2,6],
  ["E204","CAMPAIGN_NOT_ACTIVE","campaign_paused","The campaign is paused or closed.","Wait until the issuer resumes it; a closed campaign stays closed.",1,6],
  ["E205","SERIAL_RANGE","refused","The batch does not continue the campaign's serial numbers.","Start at the campaign's next serial and stay within its supply and 1024 batches.",1,6],
  ["E301","NOT_FOUND","unknown_code","There is no such coupon, campaign, redemption or ticket.","Check the code; it may belong to another network.",1,3],
  ["E302","ALREADY_CLAIMED","refused","Somebody has claimed this ticket before.","Ask the issuer for another ticket.",1,5],
  ["E303","SUPPLY_EXHAUSTED","budget_spent","All coupons of the campaign are gone.","Look for another campaign.",2,6],
  ["E304","HOLDER_LIMIT","limit_reached","This key has claimed as often as the campaign allows.","Nothing more can be claimed with this key.",1,6],
  ["E305","ELIGIBILITY_REQUIRED","refused","The campaign asks for a proof of eligibility.","Get an eligibility token from a member that knows you.",2,6],
  ["E306","NULLIFIER_USED","refused","The eligibility token has been used.","One token allows one claim.",2,5],
  ["E307","CLAIM_WINDOW","refused","The campaign cannot be claimed now, or the ticket's time is over.","Check the claim dates; an expired ticket must be replaced by the issuer.",1,6],
  ["E308","ALREADY_ENTERED","refused","This key has entered the draw.","Wait for the draw.",2,5],
  ["E309","DRAW_NOT_READY","refused","The draw has not been made.","Try again after the draw.",2,6],
  ["E401","NOT_OWNER","given_away","The signing key does not own the coupon.","The coupon was given away; ask its holder.",1,4],
  ["E402","NOT_TRANSFERABLE","not_allowed","The coupon may not be passed on, or not once more.","It can still be redeemed by its holder.",1,6],
  ["E403","STALE_SEQ","code_stale","The coupon has changed since this was signed.","Show a fresh code and try again.",1,5],
  ["E404","WRONG_STATE","given_away","The coupon has been offered as a gift that is still open.","Take the gift back first, or wait until it lapses.",1,6],
  ["E405","PRICE_ABOVE_CEILING","refused","The price is above the campaign's resale ceiling.","Lower the price.",2,6],
  ["E406","OFFER_GONE","refused","The offer was cancelled or has lapsed.","Look for another offer.",2,5],
  ["E407","PAYMENT_NOT_ATTESTED","refused","No payment member has confirmed the price.","Pay through the payment member that the offer names.",2,6],
  ["E409","GIFT_TERMS","refused","The gift's end or receiver is not allowed.","Let the gift end within 30 days and use a key other than the owner's.",1,6],
  ["E410","SWAP_TERMS","refused","The coupon given is not the one that the offer wants.","Give one of the wanted campaign that holds as much and lives as long as the offer asks.",2,6],
  ["E412","PAYMENT_USED","refused","This attestation of a payment has been used.","Ask the payment member for a new one.",2,6],
  ["E501","RESERVED_ELSEWHERE","refused","Another till has reserved the coupon.","Pay there, or wait until the reservation lapses.",2,5],
  ["E502","TTL_TOO_LONG","refused","The reservation would be too long.","Reserve for at most 15 minutes.",2,6],
  ["E503","NOT_YET_VALID","not_started","The coupon cannot be redeemed yet.","Come back when its redemption window has opened.",1,6],
  ["E504","EXPIRED","expired","The coupon's time is over.","Nothing can be done; the end was fixed when it was published.",1,6],
  ["E505","MERCHANT_NOT_ELIGIBLE","wrong_shop","The coupon is not good at this shop.","Use it at one of the shops that its terms name.",1,6],
  ["E506","MIN_SPEND","amount_too_low","The bill is below the minimum, or the coupon gives nothing on it.","Add to the bill.",1,6],
  ["E507","VALUE_MISMATCH","refused","The authorised value is not the value that the terms give.","Make a new invoice and authorise the value that the wallet shows.",1,6],
  ["E508","INSUFFICIENT_VALUE","refused","The coupon holds less than was asked for.","Authorise at most the value that is left.",1,6],
  ["E509","ALREADY_REDEEMED","already_redeemed","The coupon has been used up.","Look at the wallet's history for where it was redeemed.",1,5],
  ["E510","BUDGET_EXHAUSTED","budget_spent","The campaign's budget covers no further coupon.","Look for another campaign.",1,6],
  ["E511","INVOICE_EXPIRED","code_stale","The till's invoice has lapsed.","Make a new invoice.",1,6],
  ["E512","ALREADY_VOIDED","refused","The redemption has been undone before.","Nothing needs to be done.",1,5],
  ["E513","ROLLBACK_WINDOW","refused","The redemption is final and can no longer be undone.","Refund the customer by other means.",1,6],
  ["E514","REFUND_RULE","refused","The refund is too early or larger than the redemption.","Check the redemption's final time and amount.",2,6],
  ["E515","INVOICE_USED","limit_reached","A coupon has been redeemed on this invoice.","Make a new invoice for another sale.",1,5],
  ["E516","CURRENCY","refused","Invoice, till and campaign do not share one currency.","Use a till of the campaign's currency.",1,6],
  ["E517","TILL_CAP","limit_reached","The till has reached its cap for today.","Use another till, or wait until midnight UTC.",1,6],
  ["E518","INVOICE_FACTS","wrong_item","The invoice does not state what this coupon needs.","Scan the coupon first, then make the invoice for its campaign and items.",1,6],
  ["E519","SHOW_LIMIT","limit_reached","The value is above what a shown code may take.","Let the customer scan the till's invoice instead.",1,6],
  ["E520","NOT_STACKABLE","refused","These coupons cannot be used together.","Use one of them.",2,6],
  ["E601","UNDERFUNDED","refused","A funder's free limit does not cover its share of the budget.","Lower the budget: what the funder has locked for other campaigns stays locked.",1,6],
  ["E602","CUTOFF_NOT_REACHED","refused","The settlement cycle has not ended.","Try again after the cycle's end.",2,6],
  ["E603","CYCLE_STATE","refused","The settlement cycle is in another state.","Look at the cycle's state first.",2,6],
  ["E604","DISPUTE_WINDOW","refused","The redemption can no longer be disputed.","Settle the matter outside the ledger.",2,6],
  ["E605","NOT_ARBITER","refused","The signer is not an arbiter of these terms.","Ask an arbiter that the terms name.",2,4],
  ["E606","EVIDENCE_INVALID","refused","The two messages do not prove a conflict.","Submit two validly signed messages that contradict each other.",2,6],
  ["E607","PAYER_OVERDUE","refused","A funder has not paid what it owes for a settled cycle.","Pay and let the payee confirm, then try again.",2,6],
  ["E608","TOO_LATE","refused","The notice that the rules ask for is not kept.","Choose a later time or height.",2,6],
  ["E609","MEMBER_BUSY","refused","The member is in a state in which this cannot be done.","Look at the member's state first.",2,6],
  ["E701","QUORUM","not_allowed","A member has signed with fewer keys than its threshold.","Collect the missing signatures and submit again.",1,4],
  ["E702","KEY_STATE","till_revoked","The till key is unknown, revoked, out of its window or without the right.","Pair the till anew, or use a key that has the right.",1,4],
  ["E703","VOTE_STATE","refused","The proposal is decided, lapsed or unknown, or its proposer has too many.","Look at the proposal's state first.",2,6],
  ["bad_request","","","The request does not fit its description.","See what the answer names.",1,2],
  ["not_found","","","There is no such thing at this height.","Check the number.",1,3],
  ["unknown_tx","","","No executed block of this node holds the transaction.","Wait for it, or submit the same bytes again: that has one effect.",1,3],
  ["lapsed","","","The transaction is in no block, and no later one can accept it.","Nothing has happened: make a new one.",1,6],
  ["behind","","","The node has not reached the height that was asked for.","Ask another node.",1,7],
  ["no_proof","","","The node holds no certificate for this height.","Ask another node.",1,7],
  ["cursor_expired","","","The state that the list began with is gone.","Begin the list anew.",1,1],
  ["rate_limited","","","There were too many requests.","Wait a little.",1,7],
  ["login","","","The login of the till is not valid.","Check the till's key and the clock.",1,4],
  ["not_taken","","","The gateway does not take the authorisation.","Show the coupon anew: it may have changed, or its code is over.",1,4],
  ["profile_form","","","The profile breaks a rule of its form.","The detail says which; docs/profiles.md has the rules.",1,2],
  ["profile_keys","","","The profile is not signed by enough keys of its member.","Sign with as many of the member's admin keys as the ledger asks for.",1,4],
  ["profile_older","","","A newer profile of the member is kept.","Read it, change it, and sign again.",1,5],
  ["terms_form","","","The text of the terms breaks a rule of its form.","Give it as UTF-8 of at most 64 KiB, without characters of control or direction.",1,2],
  ["terms_hash","","","The text is not the one that the campaign's terms name.","Hand in the text byte for byte as it was when the campaign was made.",1,2],
  ["terms_full","","","The node has no room for more texts of terms.","Hand it to another node; an operator may take away texts of campaigns that have ended.",1,7],
  ["forbidden","","","The origin or host of the request is not allowed.","Ask the operator.",1,4],
  ["stopped","","","The node takes no part any more.","Ask another node.",1,7],
  ["diverged","","","The node's state is not that of the other members.","Ask another node.",1,7],
  ["internal","","","The node failed by itself.","Ask another node, and tell the operator.",1,1],
  ["no_quorum","","","Too few members answer, so nothing can be decided.","Do not hand over; the same transaction is tried again by itself.",1,7],
  ["outcome_unknown","","","Whether the transaction counts is not known yet.","Do not hand over; ask again by its id, which changes nothing.",1,8],
];

const info = ([code, name, word, explanation, advice, stage, exit]: Row): CodeInfo => ({
  code,
  name,
  word,
  explanation,
  advice,
  stage,
  exit,
});

/** All codes, in ascending order. */
export function codes(): CodeInfo[] {
  return table.map(info);
}

/** What is known of a code, undefined for "OK" and for codes that this version does not know. */
export function codeInfo(code: string): CodeInfo | undefined {
  const row = table.find((r) => r[0] === code);
  return row && info(row);
}

// Made by `npm run generate`; do not edit.

/** The API's answers as they stand in JSON: numbers of 64 bits are decimal strings, bytes are base64. */

export interface ActivityAnswer {
  /** Begin of the quarter */
  begins: Time;
  blocks: number;
  claims: number;
  /** How soon blocks were decided here; absent if none was timed */
  final?: Pace;
  redemptions: number;
  /** Transactions without an effect */
  refused: number;
  /** All of them, refused ones too */
  transactions: number;
  /** Gifts, their taking back, and changes of hands */
  transfers: number;
  /** Redemptions undone, at the time of the undoing */
  voids: number;
}

export interface AuthsBody {
  /** Payloads of type 2, as the wallet has left them */
  auths: string[];
  expires: Time;
}

export interface BatchAnswer {
  campaign: number;
  count: number;
  /** Its first serial */
  first: number;
  number: number;
  ticket_key: string;
}

export interface BatchLine {
  /** OK, or why it had no effect, or the API's own word */
  code: string;
  /** Whether this is the decided outcome: its receipt ends the id */
  final: boolean;
  /** Height of its block, if it is in one */
  height?: string;
  /** The transaction's place in the batch, from 0 */
  tx: number;
}

export interface BlockAnswer {
  /** How many members' signatures the checkpoint holds */
  attested: number;
  /** Its commit certificate; none if a later block's stands for it (base64) */
  certificate?: string;
  /** The certificate over its execution (base64) */
  checkpoint?: string;
  /** The digest that names the block */
  digest: string;
  /** Always true: an executed block is decided */
  final: boolean;
  /** The canonical header (base64) */
  header?: string;
  height: string;
  /** The digest of the block below */
  parent: string;
  payload_root: string;
  /** The replica that proposed it */
  proposer: number;
  /** Root of its receipts, as the checkpoint attests */
  receipt_root?: string;
  /** Their receipts, in the same order */
  receipts?: string[];
  /** Root of the state after it, as the checkpoint attests */
  state_root?: string;
  time: Time;
  tx_count: number;
  /** Its transactions */
  txs?: string[];
  /** The view in which it was proposed */
  view: string;
}

export interface BoxBody {
  data?: string;
  expires?: Time;
}

export interface CampaignAnswer {
  /** Minor units owed for redemptions */
  accrued: string;
  batches: number;
  /** Minor units set aside for issued coupons */
  committed: string;
  /** From here on nothing of it can change */
  ends: Time;
  id: number;
  /** Coupons claimed */
  issued: number;
  issuer: number;
  issuer_name: string;
  /** No void moves a coupon's end beyond this */
  last_use: Time;
  /** The first serial that no batch has opened */
  next_serial: number;
  redemptions: number;
  /** At the time of the answer */
  status: "PUBLISHED" | "PAUSED" | "CLOSED" | "EXHAUSTED" | "ENDED";
  terms: TermsAnswer;
  /** Coupons without uses left */
  used_up: number;
  /** Version of the terms */
  version: number;
  voids: number;
}

export interface CampaignBody {
  /** Minor units owed for redemptions */
  accrued: string;
  batches: number;
  /** Minor units set aside for issued coupons */
  committed: string;
  /** From here on nothing of it can change */
  ends: Time;
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state */
  height: string;
  id: number;
  /** Coupons claimed */
  issued: number;
  issuer: number;
  issuer_name: string;
  /** No void moves a coupon's end beyond this */
  last_use: Time;
  /** The first serial that no batch has opened */
  next_serial: number;
  redemptions: number;
  /** At the time of the answer */
  status: "PUBLISHED" | "PAUSED" | "CLOSED" | "EXHAUSTED" | "ENDED";
  terms: TermsAnswer;
  /** Time of its block */
  time: Time;
  /** Coupons without uses left */
  used_up: number;
  /** Version of the terms */
  version: number;
  voids: number;
}

export interface CodeBody {
  /** For programs: 32 hexadecimal digits */
  bundle: string;
  /** For people: ten characters and a hyphen */
  code: string;
  expires: Time;
}

export interface CouponAnswer {
  campaign: number;
  claimed_at: Time;
  /** While it is offered: the key that can accept it */
  gift_key?: string;
  /** While it is offered: when it returns by itself */
  gift_until?: Time;
  id: string;
  /** The holder key that owns it */
  owner: string;
  /** End of redeeming: until and the grace time */
  redeem_until: Time;
  /** Counts its changes; an authorisation names it */
  seq: number;
  /** Its number in the campaign, from 1 */
  serial: number;
  /** At the time of the answer */
  status: "HELD" | "GIFTED" | "REDEEMED" | "EXPIRED";
  /** 255 = without limit */
  transfers_left: number;
  /** End of holding and giving */
  until: Time;
  uses_left: number;
  /** Minor units left in a stored value */
  value_left: string;
  /** Version of its terms */
  version: number;
}

export interface CouponBody {
  campaign: number;
  claimed_at: Time;
  /** Always true: an executed height is decided */
  final: boolean;
  /** While it is offered: the key that can accept it */
  gift_key?: string;
  /** While it is offered: when it returns by itself */
  gift_until?: Time;
  /** With ?proof=true: the header of the block (base64) */
  header?: string;
  /** Height of the state */
  height: string;
  id: string;
  /** The holder key that owns it */
  owner: string;
  /** With ?proof=true: the key proof of the coupon's row (base64) */
  proof?: string;
  /** End of redeeming: until and the grace time */
  redeem_until: Time;
  /** Counts its changes; an authorisation names it */
  seq: number;
  /** Its number in the campaign, from 1 */
  serial: number;
  /** At the time of the answer */
  status: "HELD" | "GIFTED" | "REDEEMED" | "EXPIRED";
  /** Time of its block */
  time: Time;
  /** 255 = without limit */
  transfers_left: number;
  /** End of holding and giving */
  until: Time;
  uses_left: number;
  /** Minor units left in a stored value */
  value_left: string;
  /** Version of its terms */
  version: number;
}

export interface CourseAnswer {
  /** Begin of the span, Unix milliseconds */
  begin: string;
  /** Coupons claimed */
  claims: string;
  currency: string;
  /** Minor units by which rose what the funders owe */
  payable: string;
  redemptions: string;
  /** Whether more happened in or before the span that the node has not counted */
  uncounted: boolean;
  /** Minor units by which it fell */
  voided: string;
  /** Redemptions undone */
  voids: string;
}

export interface DryRunAnswer {
  /** OK, or the code of the refusal */
  code: string;
  /** What it would change */
  effect?: Effect;
  /** Always false: this promises nothing */
  final: boolean;
  /** Height of the state that was asked */
  height: string;
  /** The transaction's id */
  id: string;
  /** The code's name */
  name: string;
  /** The time that was assumed for the block */
  time: Time;
  /** The word for people */
  word: string;
}

export interface Effect {
  /** Minor units refunded */
  amount?: string;
  /** Number of the batch */
  batch?: number;
  /** Of a debt: 0 secured, 1 unsecured */
  book?: number;
  /** Number of the campaign */
  campaign?: number;
  /** What a transfer did */
  case?: string;
  /** How many serials were issued */
  count?: number;
  /** Id of the coupon */
  coupon?: string;
  /** ISO 4217 number of the price's or debt's currency */
  currency?: number;
  /** Number of the settlement cycle */
  cycle?: number;
  /** The debt afterwards */
  debt?: "OPEN" | "POSTED" | "CONFIRMED" | "OBJECTED" | "REPOSTED";
  /** The event's type */
  event?: string;
  /** End of the time in which the redemption can be undone */
  final_at?: Time;
  /** Of a duplicate: where it was decided */
  first?: Place;
  /** First serial that was issued */
  first_serial?: number;
  /** From when its keys count; none = at once */
  from?: Time;
  /** The service key */
  key?: string;
  /** The member whose keys change */
  member?: number;
  /** Digest of the offer */
  offer?: string;
  /** Id of the coupon that was given for the first */
  other?: string;
  /** Its owner afterwards */
  other_owner?: string;
  /** Its new sequence number */
  other_seq?: number;
  /** The owner afterwards */
  owner?: string;
  /** Minor units that the funders owe for it */
  payable?: string;
  /** Who is owed */
  payee?: number;
  /** The payment member, or who owes */
  payer?: number;
  /** Minor units paid for the coupon */
  price?: string;
  /** Whether the refund gave the use back */
  recredit?: boolean;
  /** Minor units refunded of the redemption so far */
  refunded?: string;
  /** The coupon's new sequence number, or that of the redemption */
  seq?: number;
  /** The coupon's number in its campaign */
  serial?: number;
  /** The till's key */
  till?: string;
  /** End of the coupon afterwards */
  until?: Time;
  /** Uses left afterwards */
  uses_left?: number;
  /** Minor units taken or given back */
  value?: string;
  /** Minor units in the coupon afterwards */
  value_after?: string;
  /** Minor units in the coupon before */
  value_before?: string;
  /** Version of the campaign's new terms */
  version?: number;
}

export interface EventAnswer {
  data: EventData;
  datacontenttype: "application/json";
  /** height.transaction.event, the same on every node */
  id: string;
  /** CAIP-2 id of the chain */
  source: string;
  specversion: "1.0";
  /** What it happened to */
  subject?: string;
  /** Time of the block, RFC 3339 in UTC */
  time: string;
  type: string;
}

export interface EventData {
  effect: Effect;
  /** With ?proof=true: the header of the block (base64) */
  header?: string;
  height: string;
  /** Place of the transaction in its block */
  index: number;
  /** With ?proof=true: the receipt proof (base64) */
  proof?: string;
  /** The canonical receipt, which says all of it (base64) */
  receipt: string;
  /** Of a redemption or its void: the till, which the receipt does not name */
  till?: string;
  time: Time;
  /** Id of the transaction */
  tx: string;
}

export interface FieldError {
  /** What was wrong there */
  detail: string;
  /** JSON pointer into the body, or the name of a parameter */
  pointer: string;
}

export interface FunderAnswer {
  member: number;
  share_bps: number;
}

export interface FundingAnswer {
  currency: string;
  /** Minor units */
  limit: string;
  /** Minor units */
  locked: string;
}

export interface HoldersBody {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state */
  height: string;
  /** 8 bytes for each coupon, by serial: serial, first 4 bytes of its owner's key (base64) */
  holders: string;
  /** Serial to go on from; absent at the end */
  next?: number;
  /** Time of its block */
  time: Time;
}

export interface HoursAnswer {
  day: "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";
  from: string;
  /** Before from or equal to it: on the next day */
  until: string;
}

export interface ItemAnswer {
  /** Minor units */
  amount: string;
  campaign: number;
  /** ISO 4217 number */
  currency: number;
  /** What a funder owes a merchant, or gets back of it */
  kind: "redemptions" | "refunds";
  /** Its place among the cycle's items, from 0 */
  number: number;
  payee: number;
  payer: number;
}

export interface MemberAnswer {
  /** What it may promise */
  funding: FundingAnswer[];
  id: number;
  /** Its admin keys */
  keys: string[];
  name: string;
  /** issuer, merchant, payment, mall, attester */
  roles: string[];
  state: "ACTIVE" | "SUSPENDED" | "LEFT";
  /** Signatures that it needs */
  threshold: number;
}

export interface MemberBody {
  /** Always true: an executed height is decided */
  final: boolean;
  /** What it may promise */
  funding: FundingAnswer[];
  /** Height of the state */
  height: string;
  id: number;
  /** Its admin keys */
  keys: string[];
  name: string;
  /** issuer, merchant, payment, mall, attester */
  roles: string[];
  state: "ACTIVE" | "SUSPENDED" | "LEFT";
  /** Signatures that it needs */
  threshold: number;
  /** Time of its block */
  time: Time;
}

export interface NodeAddress {
  key: string;
  member: number;
  /** Of the member */
  name: string;
  /** Its number in the committee */
  replica: number;
  /** Missing if this node was told none */
  url?: string;
}

export interface NodesBody {
  /** Addresses of ticket desks */
  desks: string[];
  nodes: NodeAddress[];
}

export interface ObligationAnswer {
  /** Begin of the cycle */
  begins: Time;
  campaign: number;
  /** Redemptions in it */
  count: number;
  currency: string;
  /** Number of the settlement cycle */
  cycle: number;
  /** End of the cycle */
  ends: Time;
  /** The merchant that is owed */
  payee: number;
  payee_name: string;
  /** Minor units */
  sum: string;
}

export interface Pace {
  /** How many blocks were timed */
  blocks: number;
  mean_ms: number;
  most_ms: number;
}

export interface PageActivityAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: ActivityAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageBatchAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: BatchAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageBlockAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: BlockAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageCampaignAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: CampaignAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageCouponAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: CouponAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageCourseAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: CourseAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageItemAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: ItemAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageMemberAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: MemberAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageObligationAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: ObligationAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageStepAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: StepAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageTakingAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: TakingAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageTillAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: TillAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface PageTotalAnswer {
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state that is listed */
  height: string;
  items: TotalAnswer[];
  /** Where to go on; absent on the last page */
  next_cursor?: string;
  /** Time of its block */
  time: Time;
}

export interface Place {
  code: string;
  height: string;
  index: number;
}

export interface Problem {
  /** The code of the domain rules, or the API's own word */
  code: string;
  /** What to do, or what was wrong in this case */
  detail?: string;
  /** Of a duplicate: where it was decided */
  effect?: Effect;
  /** What was wrong with the request, by field */
  errors?: FieldError[];
  /** Whether this is a transaction's decided outcome: its receipt ends the id */
  final: boolean;
  /** The header of its block (base64) */
  header?: string;
  /** Height of the receipt, or of the state that was asked */
  height?: string;
  /** Place in the block, with a receipt */
  index?: number;
  /** The path of the request */
  instance?: string;
  /** The code's name */
  name: string;
  /** Its receipt proof (base64) */
  proof?: string;
  /** The canonical receipt of a refusal that is in a block (base64) */
  receipt?: string;
  /** After how many milliseconds to try again */
  retry_ms?: string;
  /** Whether the same request may succeed later */
  retryable: boolean;
  /** With ?nonce: what the node says, under its validator key (base64) */
  statement?: string;
  /** The HTTP status */
  status: number;
  /** Time of the block, with a receipt */
  time?: Time;
  /** What happened, the same for every problem of this code */
  title: string;
  /** Names the request in the node's log */
  trace_id?: string;
  /** The transaction's id */
  tx?: string;
  /** Path of a page in the node that explains the code */
  type: string;
  /** The word for people, the same in all tools */
  word: string;
}

export interface ProfileAnswer {
  address: string[];
  /** When it was signed: the later of two counts */
  at: Time;
  /** sRGB */
  colour: string;
  digest: string;
  hours: HoursAnswer[];
  /** image/png or image/jpeg; missing if there is none */
  logo?: string;
  member: number;
  phone?: string;
  /** The signed bytes: docs/profiles.md (base64) */
  profile: string;
  website?: string;
}

export interface ProfileEntry {
  at: Time;
  digest: string;
  member: number;
}

export interface ProfilesAnswer {
  profiles: ProfileEntry[];
}

export interface PutBoxInputBody {
  /** At most 256 bytes, in base64 (base64) */
  data: string;
}

export interface PutCodeInputBody {
  /** Payloads of type 2 in mode SHOW, in base64 */
  auths: string[];
}

export interface PutProfile {
  /** The signed bytes, in base64 (base64) */
  profile: string;
}

export interface PutTermsText {
  /** The text, byte for byte as it was hashed */
  text: string;
  /** The version of the terms that name it; 0 or missing: the current one */
  version?: number;
}

export interface ReceiptsAnswer {
  /** How many members' signatures the proof holds */
  attested: number;
  /** How many receipts there are, one for each transaction */
  count: number;
  /** The header of the block, which proves the time (base64) */
  header: string;
  height: string;
  /** The certificate, once, and all receipts in the order of the transactions (base64) */
  proof: string;
  time: Time;
}

export interface RedemptionBody {
  at: Time;
  coupon: string;
  /** Always true: an executed height is decided */
  final: boolean;
  /** Until then it can be undone */
  final_at: Time;
  /** Height of the state */
  height: string;
  invoice_digest: string;
  member: number;
  mode: "INVOICE" | "SHOW";
  /** Minor units that the funders owe */
  payable: string;
  /** The coupon's sequence number when it was redeemed */
  seq: number;
  /** At the time of the answer */
  state: "ACCRUED" | "VOIDED" | "FINAL";
  store: number;
  till: string;
  /** Time of its block */
  time: Time;
  /** Minor units taken */
  value: string;
}

export interface ShopAnswer {
  member: number;
  /** 0 = all stores of the member */
  store: number;
}

export interface StateAnswer {
  /** Always true: a quorum attests the state */
  final: boolean;
  /** Whether there is such a row */
  found: boolean;
  /** The header of the block, which proves the time (base64) */
  header: string;
  /** Height of the state */
  height: string;
  /** The row's key, hexadecimal */
  key: string;
  /** The key proof: certificate, key, value and path (base64) */
  proof: string;
  /** Root of the state */
  state_root: string;
  /** Time of its block */
  time: Time;
  /** The row's canonical value (base64) */
  value?: string;
}

export interface StatusAnswer {
  /** Last height whose state a quorum attests here */
  certified_height: string;
  /** Name of the chain */
  chain: string;
  /** CAIP-2 id of the chain */
  chain_id: string;
  /** Whether the node takes part, in a word */
  condition: string;
  /** Digest of the chain */
  digest: string;
  /** Always true: an executed height is decided */
  final: boolean;
  /** Last executed height */
  height: string;
  mempool_txs: number;
  /** Other members heard lately */
  peers_up: number;
  /** The replica that proposes in this view */
  primary: number;
  ready: boolean;
  /** Why it does not */
  reason?: string;
  /** Number of the node in the committee */
  replica: number;
  state_root: string;
  /** With ?nonce: height and time, signed by the member's validator key (base64) */
  statement?: string;
  /** Time of that block */
  time: Time;
  uptime_s: string;
  validators: number;
  /** Version of the program */
  version?: string;
  view: string;
}

export interface StepAnswer {
  effect: Effect;
  height: string;
  /** Id of its event */
  id: string;
  /** Its place in the block */
  index: number;
  /** The canonical receipt (base64) */
  receipt: string;
  time: Time;
  /** Id of the transaction */
  tx: string;
  type: string;
}

export interface TakingAnswer {
  coupon: string;
  /** Id of its event */
  id: string;
  /** Minor units that the funders owe for it, or owe no more */
  payable: string;
  /** The coupon's sequence number when it was redeemed: names the redemption */
  seq: number;
  /** Where it was redeemed */
  till: string;
  /** Time of its block */
  time: Time;
  type: "redemption.accrued" | "redemption.voided";
  /** Minor units taken or given back */
  value: string;
}

export interface TermsAnswer {
  /** Percentage in basis points */
  bps: number;
  budget: string;
  buy?: number;
  ceiling: string;
  claim_from: Time;
  claim_until: Time;
  currency: string;
  /** Decimal digits of the currency's minor unit */
  exponent: number;
  face: string;
  fee: string;
  funders: FunderAnswer[];
  get?: number;
  grace_ms: number;
  /** Claims per key; 0 = no limit */
  holder_cap: number;
  issuer: number;
  kind: string;
  /** The most that one coupon can cost */
  liability: string;
  max_supply: number;
  /** 255 = without limit */
  max_transfers: number;
  min_spend: string;
  /** SHA-256 of the list of goods; none = all goods */
  product_hash?: string;
  redeem_from: Time;
  redeem_until: Time;
  reimburse: "USED" | "FACE";
  reimburse_bps: number;
  /** Life of a coupon from its claim; 0 = none */
  relative_ms: string;
  resale_bps: number;
  /** How long a redemption can be undone */
  rollback_ms: string;
  rounding: number;
  /** Where it is good; none = at every merchant */
  shops: ShopAnswer[];
  /** The most that a shown code may take; 0 = never */
  show_max: string;
  /** SHA-256 of the public terms */
  terms_hash: string;
  title: string;
  transfer: "none" | "gift" | "trade";
  uses: number;
}

export interface TermsTextAnswer {
  /** A campaign whose terms name it; others may too */
  campaign: number;
  /** SHA-256 of the text: terms_hash of the terms that name it */
  hash: string;
  /** The text itself */
  text: string;
  /** The version of that campaign's terms */
  version: number;
}

export interface TermsTextEntry {
  campaign: number;
  hash: string;
  version: number;
}

export interface TermsTextsAnswer {
  texts: TermsTextEntry[];
}

export interface TillAnswer {
  currency: string;
  /** Minor units that it may take in one UTC day */
  day_cap: string;
  /** Minor units taken on the day of the answer */
  day_sum: string;
  key: string;
  label: string;
  member: number;
  member_name: string;
  /** redeem, void_own, void_any */
  rights: string[];
  state: "ACTIVE" | "REVOKED";
  store: number;
  valid_from: Time;
  valid_until: Time;
}

export interface TillBody {
  currency: string;
  /** Minor units that it may take in one UTC day */
  day_cap: string;
  /** Minor units taken on the day of the answer */
  day_sum: string;
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state */
  height: string;
  key: string;
  label: string;
  member: number;
  member_name: string;
  /** redeem, void_own, void_any */
  rights: string[];
  state: "ACTIVE" | "REVOKED";
  store: number;
  /** Time of its block */
  time: Time;
  valid_from: Time;
  valid_until: Time;
}

export interface Time {
  /** Unix milliseconds, as a decimal string */
  ms: string;
  /** RFC 3339 in UTC, with milliseconds */
  utc: string;
}

export interface TotalAnswer {
  campaign: number;
  /** Redemptions */
  count: string;
  currency: string;
  /** Minor units that the funders owe for them */
  payable: string;
  till: string;
  /** Minor units taken */
  value: string;
  /** Minor units that the funders owe no more */
  voided_payable: string;
  /** Minor units given back */
  voided_value: string;
  /** Redemptions undone */
  voids: string;
}

export interface TxAnswer {
  /** OK, or the code of the refusal */
  code?: string;
  /** What it changed */
  effect?: Effect;
  /** While not final: the chain time from which no block can accept it */
  expires?: Time;
  /** Whether the outcome is decided: no later answer will differ */
  final: boolean;
  /** The header of its block, which proves the time (base64) */
  header?: string;
  /** Height of its block */
  height?: string;
  /** The transaction's id: a digest of its signed body */
  id: string;
  /** Its place in the block */
  index?: number;
  /** Whether it was handed in before: this is the original outcome */
  known?: boolean;
  /** The receipt proof: certificate and path (base64) */
  proof?: string;
  /** The canonical receipt (base64) */
  receipt?: string;
  /** How much has happened */
  state: "pending" | "executed" | "proved";
  /** With ?nonce, if executed and not final: under its validator key (base64) */
  statement?: string;
  /** Time of its block */
  time?: Time;
  /** The word for people */
  word?: string;
}

export interface Validator {
  key: string;
  member: number;
  member_name: string;
  /** Its number in the committee */
  replica: number;
}

export interface ValidatorsBody {
  /** Digest of the committee */
  committee: string;
  /** p: how many may be silent on the fast path */
  fast_faults: number;
  /** f: how many may be faulty */
  faults: number;
  /** Always true: an executed height is decided */
  final: boolean;
  /** Height of the state */
  height: string;
  /** The replica that proposes, as this node sees it */
  primary: number;
  /** Signatures that prove a state */
  quorum: number;
  /** Time of its block */
  time: Time;
  validators: Validator[];
  /** Signatures that prove a receipt */
  weak_quorum: number;
}

/** The answers by name. */
export interface Answers {
  ActivityAnswer: ActivityAnswer;
  AuthsBody: AuthsBody;
  BatchAnswer: BatchAnswer;
  BatchLine: BatchLine;
  BlockAnswer: BlockAnswer;
  BoxBody: BoxBody;
  CampaignAnswer: CampaignAnswer;
  CampaignBody: CampaignBody;
  CodeBody: CodeBody;
  CouponAnswer: CouponAnswer;
  CouponBody: CouponBody;
  CourseAnswer: CourseAnswer;
  DryRunAnswer: DryRunAnswer;
  Effect: Effect;
  EventAnswer: EventAnswer;
  EventData: EventData;
  FieldError: FieldError;
  FunderAnswer: FunderAnswer;
  FundingAnswer: FundingAnswer;
  HoldersBody: HoldersBody;
  HoursAnswer: HoursAnswer;
  ItemAnswer: ItemAnswer;
  MemberAnswer: MemberAnswer;
  MemberBody: MemberBody;
  NodeAddress: NodeAddress;
  NodesBody: NodesBody;
  ObligationAnswer: ObligationAnswer;
  Pace: Pace;
  PageActivityAnswer: PageActivityAnswer;
  PageBatchAnswer: PageBatchAnswer;
  PageBlockAnswer: PageBlockAnswer;
  PageCampaignAnswer: PageCampaignAnswer;
  PageCouponAnswer: PageCouponAnswer;
  PageCourseAnswer: PageCourseAnswer;
  PageItemAnswer: PageItemAnswer;
  PageMemberAnswer: PageMemberAnswer;
  PageObligationAnswer: PageObligationAnswer;
  PageStepAnswer: PageStepAnswer;
  PageTakingAnswer: PageTakingAnswer;
  PageTillAnswer: PageTillAnswer;
  PageTotalAnswer: PageTotalAnswer;
  Place: Place;
  Problem: Problem;
  ProfileAnswer: ProfileAnswer;
  ProfileEntry: ProfileEntry;
  ProfilesAnswer: ProfilesAnswer;
  PutBoxInputBody: PutBoxInputBody;
  PutCodeInputBody: PutCodeInputBody;
  PutProfile: PutProfile;
  PutTermsText: PutTermsText;
  ReceiptsAnswer: ReceiptsAnswer;
  RedemptionBody: RedemptionBody;
  ShopAnswer: ShopAnswer;
  StateAnswer: StateAnswer;
  StatusAnswer: StatusAnswer;
  StepAnswer: StepAnswer;
  TakingAnswer: TakingAnswer;
  TermsAnswer: TermsAnswer;
  TermsTextAnswer: TermsTextAnswer;
  TermsTextEntry: TermsTextEntry;
  TermsTextsAnswer: TermsTextsAnswer;
  TillAnswer: TillAnswer;
  TillBody: TillBody;
  Time: Time;
  TotalAnswer: TotalAnswer;
  TxAnswer: TxAnswer;
  Validator: Validator;
  ValidatorsBody: ValidatorsBody;
}

/** Their shapes, as check() reads them: s, n, b, a name, []list; ? may be absent. */
export const shapes: Readonly<Record<keyof Answers, Readonly<Record<string, string>>>> = {
  ActivityAnswer: { begins: "Time", blocks: "n", claims: "n", final: "?Pace", redemptions: "n", refused: "n", transactions: "n", transfers: "n", voids: "n" },
  AuthsBody: { auths: "[]s", expires: "Time" },
  BatchAnswer: { campaign: "n", count: "n", first: "n", number: "n", ticket_key: "s" },
  BatchLine: { code: "s", final: "b", height: "?s", tx: "n" },
  BlockAnswer: { attested: "n", certificate: "?s", checkpoint: "?s", digest: "s", final: "b", header: "?s", height: "s", parent: "s", payload_root: "s", proposer: "n", receipt_root: "?s", receipts: "?[]s", state_root: "?s", time: "Time", tx_count: "n", txs: "?[]s", view: "s" },
  BoxBody: { data: "?s", expires: "?Time" },
  CampaignAnswer: { accrued: "s", batches: "n", committed: "s", ends: "Time", id: "n", issued: "n", issuer: "n", issuer_name: "s", last_use: "Time", next_serial: "n", redemptions: "n", status: "s", terms: "TermsAnswer", used_up: "n", version: "n", voids: "n" },
  CampaignBody: { accrued: "s", batches: "n", committed: "s", ends: "Time", final: "b", height: "s", id: "n", issued: "n", issuer: "n", issuer_name: "s", last_use: "Time", next_serial: "n", redemptions: "n", status: "s", terms: "TermsAnswer", time: "Time", used_up: "n", version: "n", voids: "n" },
  CodeBody: { bundle: "s", code: "s", expires: "Time" },
  CouponAnswer: { campaign: "n", claimed_at: "Time", gift_key: "?s", gift_until: "?Time", id: "s", owner: "s", redeem_until: "Time", seq: "n", serial: "n", status: "s", transfers_left: "n", until: "Time", uses_left: "n", value_left: "s", version: "n" },
  CouponBody: { campaign: "n", claimed_at: "Time", final: "b", gift_key: "?s", gift_until: "?Time", header: "?s", height: "s", id: "s", owner: "s", proof: "?s", redeem_until: "Time", seq: "n", serial: "n", status: "s", time: "Time", transfers_left: "n", until: "Time", uses_left: "n", value_left: "s", version: "n" },
  CourseAnswer: { begin: "s", claims: "s", currency: "s", payable: "s", redemptions: "s", uncounted: "b", voided: "s", voids: "s" },
  DryRunAnswer: { code: "s", effect: "?Effect", final: "b", height: "s", id: "s", name: "s", time: "Time", word: "s" },
  Effect: { amount: "?s", batch: "?n", book: "?n", campaign: "?n", case: "?s", count: "?n", coupon: "?s", currency: "?n", cycle: "?n", debt: "?s", event: "?s", final_at: "?Time", first: "?Place", first_serial: "?n", from: "?Time", key: "?s", member: "?n", offer: "?s", other: "?s", other_owner: "?s", other_seq: "?n", owner: "?s", payable: "?s", payee: "?n", payer: "?n", price: "?s", recredit: "?b", refunded: "?s", seq: "?n", serial: "?n", till: "?s", until: "?Time", uses_left: "?n", value: "?s", value_after: "?s", value_before: "?s", version: "?n" },
  EventAnswer: { data: "EventData", datacontenttype: "s", id: "s", source: "s", specversion: "s", subject: "?s", time: "s", type: "s" },
  EventData: { effect: "Effect", header: "?s", height: "s", index: "n", proof: "?s", receipt: "s", till: "?s", time: "Time", tx: "s" },
  FieldError: { detail: "s", pointer: "s" },
  FunderAnswer: { member: "n", share_bps: "n" },
  FundingAnswer: { currency: "s", limit: "s", locked: "s" },
  HoldersBody: { final: "b", height: "s", holders: "s", next: "?n", time: "Time" },
  HoursAnswer: { day: "s", from: "s", until: "s" },
  ItemAnswer: { amount: "s", campaign: "n", currency: "n", kind: "s", number: "n", payee: "n", payer: "n" },
  MemberAnswer: { funding: "[]FundingAnswer", id: "n", keys: "[]s", name: "s", roles: "[]s", state: "s", threshold: "n" },
  MemberBody: { final: "b", funding: "[]FundingAnswer", height: "s", id: "n", keys: "[]s", name: "s", roles: "[]s", state: "s", threshold: "n", time: "Time" },
  NodeAddress: { key: "s", member: "n", name: "s", replica: "n", url: "?s" },
  NodesBody: { desks: "[]s", nodes: "[]NodeAddress" },
  ObligationAnswer: { begins: "Time", campaign: "n", count: "n", currency: "s", cycle: "n", ends: "Time", payee: "n", payee_name: "s", sum: "s" },
  Pace: { blocks: "n", mean_ms: "n", most_ms: "n" },
  PageActivityAnswer: { final: "b", height: "s", items: "[]ActivityAnswer", next_cursor: "?s", time: "Time" },
  PageBatchAnswer: { final: "b", height: "s", items: "[]BatchAnswer", next_cursor: "?s", time: "Time" },
  PageBlockAnswer: { final: "b", height: "s", items: "[]BlockAnswer", next_cursor: "?s", time: "Time" },
  PageCampaignAnswer: { final: "b", height: "s", items: "[]CampaignAnswer", next_cursor: "?s", time: "Time" },
  PageCouponAnswer: { final: "b", height: "s", items: "[]CouponAnswer", next_cursor: "?s", time: "Time" },
  PageCourseAnswer: { final: "b", height: "s", items: "[]CourseAnswer", next_cursor: "?s", time: "Time" },
  PageItemAnswer: { final: "b", height: "s", items: "[]ItemAnswer", next_cursor: "?s", time: "Time" },
  PageMemberAnswer: { final: "b", height: "s", items: "[]MemberAnswer", next_cursor: "?s", time: "Time" },
  PageObligationAnswer: { final: "b", height: "s", items: "[]ObligationAnswer", next_cursor: "?s", time: "Time" },
  PageStepAnswer: { final: "b", height: "s", items: "[]StepAnswer", next_cursor: "?s", time: "Time" },
  PageTakingAnswer: { final: "b", height: "s", items: "[]TakingAnswer", next_cursor: "?s", time: "Time" },
  PageTillAnswer: { final: "b", height: "s", items: "[]TillAnswer", next_cursor: "?s", time: "Time" },
  PageTotalAnswer: { final: "b", height: "s", items: "[]TotalAnswer", next_cursor: "?s", time: "Time" },
  Place: { code: "s", height: "s", index: "n" },
  Problem: { code: "s", detail: "?s", effect: "?Effect", errors: "?[]FieldError", final: "b", header: "?s", height: "?s", index: "?n", instance: "?s", name: "s", proof: "?s", receipt: "?s", retry_ms: "?s", retryable: "b", statement: "?s", status: "n", time: "?Time", title: "s", trace_id: "?s", tx: "?s", type: "s", word: "s" },
  ProfileAnswer: { address: "[]s", at: "Time", colour: "s", digest: "s", hours: "[]HoursAnswer", logo: "?s", member: "n", phone: "?s", profile: "s", website: "?s" },
  ProfileEntry: { at: "Time", digest: "s", member: "n" },
  ProfilesAnswer: { profiles: "[]ProfileEntry" },
  PutBoxInputBody: { data: "s" },
  PutCodeInputBody: { auths: "[]s" },
  PutProfile: { profile: "s" },
  PutTermsText: { text: "s", version: "?n" },
  ReceiptsAnswer: { attested: "n", count: "n", header: "s", height: "s", proof: "s", time: "Time" },
  RedemptionBody: { at: "Time", coupon: "s", final: "b", final_at: "Time", height: "s", invoice_digest: "s", member: "n", mode: "s", payable: "s", seq: "n", state: "s", store: "n", till: "s", time: "Time", value: "s" },
  ShopAnswer: { member: "n", store: "n" },
  StateAnswer: { final: "b", found: "b", header: "s", height: "s", key: "s", proof: "s", state_root: "s", time: "Time", value: "?s" },
  StatusAnswer: { certified_height: "s", chain: "s", chain_id: "s", condition: "s", digest: "s", final: "b", height: "s", mempool_txs: "n", peers_up: "n", primary: "n", ready: "b", reason: "?s", replica: "n", state_root: "s", statement: "?s", time: "Time", uptime_s: "s", validators: "n", version: "?s", view: "s" },
  StepAnswer: { effect: "Effect", height: "s", id: "s", index: "n", receipt: "s", time: "Time", tx: "s", type: "s" },
  TakingAnswer: { coupon: "s", id: "s", payable: "s", seq: "n", till: "s", time: "Time", type: "s", value: "s" },
  TermsAnswer: { bps: "n", budget: "s", buy: "?n", ceiling: "s", claim_from: "Time", claim_until: "Time", currency: "s", exponent: "n", face: "s", fee: "s", funders: "[]FunderAnswer", get: "?n", grace_ms: "n", holder_cap: "n", issuer: "n", kind: "s", liability: "s", max_supply: "n", max_transfers: "n", min_spend: "s", product_hash: "?s", redeem_from: "Time", redeem_until: "Time", reimburse: "s", reimburse_bps: "n", relative_ms: "s", resale_bps: "n", rollback_ms: "s", rounding: "n", shops: "[]ShopAnswer", show_max: "s", terms_hash: "s", title: "s", transfer: "s", uses: "n" },
  TermsTextAnswer: { campaign: "n", hash: "s", text: "s", version: "n" },
  TermsTextEntry: { campaign: "n", hash: "s", version: "n" },
  TermsTextsAnswer: { texts: "[]TermsTextEntry" },
  TillAnswer: { currency: "s", day_cap: "s", day_sum: "s", key: "s", label: "s", member: "n", member_name: "s", rights: "[]s", state: "s", store: "n", valid_from: "Time", valid_until: "Time" },
  TillBody: { currency: "s", day_cap: "s", day_sum: "s", final: "b", height: "s", key: "s", label: "s", member: "n", member_name: "s", rights: "[]s", state: "s", store: "n", time: "Time", valid_from: "Time", valid_until: "Time" },
  Time: { ms: "s", utc: "s" },
  TotalAnswer: { campaign: "n", count: "s", currency: "s", payable: "s", till: "s", value: "s", voided_payable: "s", voided_value: "s", voids: "s" },
  TxAnswer: { code: "?s", effect: "?Effect", expires: "?Time", final: "b", header: "?s", height: "?s", id: "s", index: "?n", known: "?b", proof: "?s", receipt: "?s", state: "s", statement: "?s", time: "?Time", word: "?s" },
  Validator: { key: "s", member: "n", member_name: "s", replica: "n" },
  ValidatorsBody: { committee: "s", fast_faults: "n", faults: "n", final: "b", height: "s", primary: "n", quorum: "n", time: "Time", validators: "[]Validator", weak_quorum: "n" },
};

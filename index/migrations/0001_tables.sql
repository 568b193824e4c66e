-- The ledger as tables. Everything here follows from the blocks of the chain, and nothing
-- else writes here. Heights, times in milliseconds and money (at most 10^15 minor units)
-- are within bigint by the rules of the chain; a coupon is named by campaign and serial,
-- since its number alone would need 64 bits without a sign.

CREATE TABLE scrip.chain (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    digest    bytea   NOT NULL,                -- of the genesis file
    name      text    NOT NULL,
    cycle_ms  bigint  NOT NULL,                -- length of a settlement cycle
    height    bigint  NOT NULL,                -- all blocks up to here are in the tables
    block     bytea   NOT NULL,                -- digest of that block
    at        timestamptz                      -- its time
);

CREATE TABLE scrip.currencies (
    number   integer PRIMARY KEY,              -- ISO 4217
    letters  text    NOT NULL,
    exponent integer NOT NULL                  -- decimal digits of the minor unit
);

CREATE TABLE scrip.codes (
    code  text PRIMARY KEY,                    -- E509
    name  text NOT NULL,                       -- ALREADY_REDEEMED
    word  text NOT NULL                        -- already_redeemed
);

CREATE TABLE scrip.members (
    member integer PRIMARY KEY,
    name   text    NOT NULL,
    roles  text[]  NOT NULL
);

CREATE TABLE scrip.tills (
    till           bytea   PRIMARY KEY,        -- public key
    member         integer NOT NULL,
    store          integer NOT NULL,
    currency       integer NOT NULL,
    rights         text[]  NOT NULL,
    label          text    NOT NULL,
    added_height   bigint  NOT NULL,           -- 0 = by the genesis file
    revoked_height bigint
);

CREATE TABLE scrip.campaigns (
    campaign       bigint  PRIMARY KEY,
    issuer         integer NOT NULL,
    title          text    NOT NULL,
    state          text    NOT NULL,           -- PUBLISHED, PAUSED, CLOSED
    kind           text    NOT NULL,           -- AMOUNT, PERCENT, ...
    currency       integer NOT NULL,
    face           bigint  NOT NULL,
    bps            integer NOT NULL,
    ceiling        bigint  NOT NULL,
    min_spend      bigint  NOT NULL,
    uses           integer NOT NULL,
    fee            bigint  NOT NULL,
    reimburse_bps  integer NOT NULL,
    liability      bigint  NOT NULL,           -- the most that one coupon can cost
    budget         bigint  NOT NULL,
    max_supply     bigint  NOT NULL,
    holder_cap     integer NOT NULL,
    claim_from     timestamptz NOT NULL,
    claim_until    timestamptz NOT NULL,
    redeem_from    timestamptz NOT NULL,
    redeem_until   timestamptz NOT NULL,
    published      timestamptz NOT NULL,
    height         bigint  NOT NULL            -- where it was published
);

CREATE TABLE scrip.campaign_funders (
    campaign  bigint  NOT NULL,
    member    integer NOT NULL,
    place     integer NOT NULL,                -- 1 bears what rounding leaves
    share_bps integer NOT NULL,
    PRIMARY KEY (campaign, member)
);

CREATE TABLE scrip.campaign_shops (            -- none: every merchant
    campaign bigint  NOT NULL,
    member   integer NOT NULL,
    store    integer NOT NULL,                 -- 0: all stores of the member
    PRIMARY KEY (campaign, member, store)
);

CREATE TABLE scrip.batches (
    campaign   bigint  NOT NULL,
    batch      integer NOT NULL,
    first      bigint  NOT NULL,
    count      bigint  NOT NULL,
    ticket_key bytea   NOT NULL,
    height     bigint  NOT NULL,
    PRIMARY KEY (campaign, batch)
);

CREATE TABLE scrip.coupons (
    campaign   bigint  NOT NULL,
    serial     bigint  NOT NULL,
    holder     bytea   NOT NULL,               -- a tag of the owner for this campaign, not the key
    seq        bigint  NOT NULL,
    uses_left  integer NOT NULL,
    value_left bigint  NOT NULL,               -- of a stored value
    offered    boolean NOT NULL,               -- as a gift; it lapses by itself
    claimed    timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    height     bigint  NOT NULL,               -- where it was claimed
    PRIMARY KEY (campaign, serial)
);

CREATE TABLE scrip.redemptions (
    campaign      bigint  NOT NULL,
    serial        bigint  NOT NULL,
    seq           bigint  NOT NULL,            -- of the coupon before it
    height        bigint  NOT NULL,
    tx            integer NOT NULL,
    at            timestamptz NOT NULL,
    till          bytea   NOT NULL,
    merchant      integer NOT NULL,
    store         integer NOT NULL,
    mode          text    NOT NULL,            -- INVOICE, SHOW
    value         bigint  NOT NULL,
    payable       bigint  NOT NULL,
    cycle         bigint  NOT NULL,            -- of settlement
    final_at      timestamptz NOT NULL,
    voided        timestamptz,
    voided_height bigint,
    PRIMARY KEY (campaign, serial, seq)
);
CREATE INDEX redemptions_at ON scrip.redemptions (at);
CREATE INDEX redemptions_cycle ON scrip.redemptions (cycle, campaign, merchant);

CREATE TABLE scrip.events (
    height   bigint  NOT NULL,
    tx       integer NOT NULL,
    at       timestamptz NOT NULL,
    type     text    NOT NULL,
    id       bytea   NOT NULL,                 -- of the transaction
    campaign bigint,
    serial   bigint,
    value    bigint,
    payable  bigint,
    PRIMARY KEY (height, tx)
);

CREATE TABLE scrip.refusals (
    height bigint  NOT NULL,
    tx     integer NOT NULL,
    at     timestamptz NOT NULL,
    id     bytea   NOT NULL,
    kind   text    NOT NULL,
    code   text    NOT NULL,
    PRIMARY KEY (height, tx)
);

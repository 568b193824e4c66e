-- What version 2 of the rules needs: terms have versions, and coupons are issued to keys,
-- whose end follows from the terms and stands in no receipt.
ALTER TABLE scrip.campaigns
    ADD COLUMN version integer NOT NULL DEFAULT 1,      -- of the terms
    ADD COLUMN relative_ms bigint NOT NULL DEFAULT 0;   -- life of a coupon from its claim; 0 = none

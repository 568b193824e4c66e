-- Ten questions that merchants and issuers ask, and what settlement begins with.

-- What campaigns owe merchants for a cycle: the obligations of the chain's state (rules 3.11).
CREATE VIEW scrip.obligations AS
SELECT r.cycle, r.campaign, r.merchant AS payee, c.currency, sum(r.payable)::bigint AS sum, count(*) AS count
FROM scrip.redemptions r JOIN scrip.campaigns c USING (campaign)
WHERE r.voided IS NULL
GROUP BY r.cycle, r.campaign, r.merchant, c.currency;

-- 1. When are coupons redeemed? Hours are UTC.
CREATE VIEW scrip.redemptions_by_hour AS
SELECT campaign, merchant, date_trunc('hour', at, 'UTC') AS hour, count(*) AS redemptions,
       sum(value)::bigint AS value, sum(payable)::bigint AS payable, count(voided) AS voided
FROM scrip.redemptions
GROUP BY campaign, merchant, date_trunc('hour', at, 'UTC');

-- 2. How far do coupons get?
CREATE VIEW scrip.campaign_funnel AS
SELECT c.campaign, c.title, c.max_supply,
       coalesce((SELECT sum(b.count) FROM scrip.batches b WHERE b.campaign = c.campaign), 0)::bigint AS offered,
       (SELECT count(*) FROM scrip.coupons p WHERE p.campaign = c.campaign) AS claimed,
       (SELECT count(DISTINCT r.serial) FROM scrip.redemptions r
        WHERE r.campaign = c.campaign AND r.voided IS NULL) AS used,
       (SELECT count(*) FROM scrip.coupons p WHERE p.campaign = c.campaign AND p.uses_left = 0) AS used_up
FROM scrip.campaigns c;

-- 3. Who pays whom, for which cycle? Each obligation is divided as settlement does (rules
-- 3.31): by the campaign's total so far, the first funder bears what rounding leaves.
CREATE VIEW scrip.who_pays_whom AS
WITH running AS (
    SELECT o.*, sum(o.sum) OVER w AS total, sum(o.sum) OVER w - o.sum AS before
    FROM scrip.obligations o
    WINDOW w AS (PARTITION BY o.campaign ORDER BY o.cycle, o.payee)
), others AS (
    SELECT r.cycle, r.campaign, r.payee, r.currency, f.member AS payer,
           floor(r.total * f.share_bps / 10000) - floor(r.before * f.share_bps / 10000) AS amount
    FROM running r JOIN scrip.campaign_funders f USING (campaign)
    WHERE f.place > 1
), parts AS (
    SELECT * FROM others
    UNION ALL
    SELECT r.cycle, r.campaign, r.payee, r.currency, f.member,
           r.sum - coalesce((SELECT sum(o.amount) FROM others o
                             WHERE (o.cycle, o.campaign, o.payee) = (r.cycle, r.campaign, r.payee)), 0)
    FROM running r JOIN scrip.campaign_funders f USING (campaign)
    WHERE f.place = 1
)
SELECT cycle, currency, payer, payee, sum(amount)::bigint AS amount
FROM parts
WHERE payer <> payee
GROUP BY cycle, currency, payer, payee
HAVING sum(amount) <> 0;

-- 4. What was given out and never used, of coupons whose time is over?
CREATE VIEW scrip.breakage AS
SELECT c.campaign, c.title, count(p.serial) AS claimed,
       count(p.serial) FILTER (WHERE p.uses_left > 0 AND p.until <= ch.at) AS lapsed,
       coalesce(sum(p.uses_left) FILTER (WHERE p.until <= ch.at), 0)::bigint AS lapsed_uses,
       (coalesce(sum(CASE WHEN c.kind = 'STORED' THEN p.value_left
                          ELSE p.uses_left::bigint * greatest(c.face, c.ceiling) END)
                 FILTER (WHERE p.uses_left > 0 AND p.until <= ch.at), 0))::bigint AS lapsed_value
FROM scrip.campaigns c CROSS JOIN scrip.chain ch LEFT JOIN scrip.coupons p USING (campaign)
GROUP BY c.campaign, c.title;

-- 5. Do holders come again? How many holders of a campaign have how many coupons of it. A
-- holder's tag is another one in each campaign: nobody is followed from one to the next.
CREATE VIEW scrip.repeat_holders AS
SELECT campaign, coupons, count(*) AS holders
FROM (SELECT campaign, holder, count(*) AS coupons FROM scrip.coupons GROUP BY campaign, holder) each
GROUP BY campaign, coupons;

-- 6. What did a store take on a day? Days are UTC; what was undone counts when it was.
CREATE VIEW scrip.store_days AS
SELECT merchant, store, day, currency, sum(taken)::bigint AS redemptions, sum(value)::bigint AS value,
       sum(payable)::bigint AS payable, sum(undone)::bigint AS voided, sum(undone_payable)::bigint AS voided_payable
FROM (
    SELECT r.merchant, r.store, date_trunc('day', r.at, 'UTC') AS day, c.currency, 1 AS taken, r.value, r.payable,
           0 AS undone, 0 AS undone_payable
    FROM scrip.redemptions r JOIN scrip.campaigns c USING (campaign)
    UNION ALL
    SELECT r.merchant, r.store, date_trunc('day', r.voided, 'UTC'), c.currency, 0, 0, 0, 1, r.payable
    FROM scrip.redemptions r JOIN scrip.campaigns c USING (campaign)
    WHERE r.voided IS NOT NULL
) both_ways
GROUP BY merchant, store, day, currency;

-- 7. Which tills redeem, and which undo much?
CREATE VIEW scrip.till_activity AS
SELECT t.till, t.label, t.member, t.store, count(r.serial) AS redemptions, count(r.voided) AS voided,
       round(100.0 * count(r.voided) / nullif(count(r.serial), 0), 2) AS voided_percent,
       min(r.at) AS first, max(r.at) AS last, t.revoked_height IS NOT NULL AS revoked
FROM scrip.tills t LEFT JOIN scrip.redemptions r USING (till)
GROUP BY t.till, t.label, t.member, t.store, t.revoked_height;

-- 8. How long do people keep a coupon before they use it?
CREATE VIEW scrip.time_to_redeem AS
SELECT campaign, count(*) AS coupons,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first - claimed)) AS median_seconds,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM first - claimed)) AS p90_seconds
FROM (SELECT p.campaign, p.serial, p.claimed, min(r.at) AS first
      FROM scrip.coupons p JOIN scrip.redemptions r USING (campaign, serial)
      GROUP BY p.campaign, p.serial, p.claimed) used
GROUP BY campaign;

-- 9. What is left of the budget?
CREATE VIEW scrip.budget_use AS
SELECT c.campaign, c.title, c.currency, c.budget,
       (SELECT count(*) FROM scrip.coupons p WHERE p.campaign = c.campaign)::bigint * c.liability AS committed,
       coalesce((SELECT sum(o.sum) FROM scrip.obligations o WHERE o.campaign = c.campaign), 0)::bigint AS accrued,
       c.budget - (SELECT count(*) FROM scrip.coupons p WHERE p.campaign = c.campaign)::bigint * c.liability AS free
FROM scrip.campaigns c;

-- 10. What is refused, and why? Only what came into a block: doors refuse more.
CREATE VIEW scrip.refusal_reasons AS
SELECT date_trunc('day', r.at, 'UTC') AS day, r.kind, r.code, k.word, count(*) AS refusals
FROM scrip.refusals r LEFT JOIN scrip.codes k USING (code)
GROUP BY date_trunc('day', r.at, 'UTC'), r.kind, r.code, k.word;

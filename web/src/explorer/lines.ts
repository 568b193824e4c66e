/** What proves the lines of the explorer's lists. */
import type { CampaignAnswer, CouponAnswer, MemberAnswer, ObligationAnswer, TillAnswer } from "@scrip/sdk/answers";
import { equal } from "@scrip/sdk/bytes";
import { decodeKey } from "@scrip/sdk/keys";
import { decodeCampaign, decodeCoupon, decodeMember, decodeObligation, decodeTill, rowKey } from "@scrip/sdk/rows";
import { decodeTerms } from "@scrip/sdk/terms";
import type { RowCheck } from "../kit/ledger/check.ts";

/**
 * A list is as of a height, and the row that is proven may be newer: then what only
 * grows may have grown, and nothing else is different.
 */
export function campaignLine(height: number): (c: CampaignAnswer) => RowCheck {
  return (c) => [
    {
      key: rowKey.campaign(c.id),
      same: (value, s) => {
        const g = decodeCampaign(value);
        if (g.issuer !== c.issuer) return false;
        const newer = s.height > height;
        return newer
          ? g.issued >= c.issued && g.redemptions >= c.redemptions
          : g.issued === c.issued && g.redemptions === c.redemptions && String(g.committed) === c.committed;
      },
    },
    {
      key: rowKey.terms(c.id, c.version),
      same: (value) => {
        const terms = decodeTerms(value);
        return (
          terms.title === c.terms.title &&
          String(terms.face) === c.terms.face &&
          terms.bps === c.terms.bps &&
          terms.maxSupply === c.terms.max_supply &&
          String(terms.budget) === c.terms.budget
        );
      },
    },
  ];
}

export function couponLine(height: number): (c: CouponAnswer) => RowCheck {
  return (c) => [
    {
      key: rowKey.coupon(BigInt(c.id)),
      same: (value, s) => {
        if (value.length === 0) return false;
        const row = decodeCoupon(value);
        if (s.height > height && row.seq > c.seq) return true; // it has moved on since
        return row.seq === c.seq && row.usesLeft === c.uses_left && equal(row.owner, decodeKey("holder", c.owner));
      },
    },
  ];
}

export const memberLine = (m: MemberAnswer): RowCheck => [
  {
    key: rowKey.member(m.id),
    same: (value) => {
      const row = decodeMember(value);
      return (
        row.name === m.name &&
        row.state === m.state &&
        row.threshold === m.threshold &&
        row.keys.length === m.keys.length
      );
    },
  },
];

export function tillLine(height: number): (till: TillAnswer) => RowCheck {
  return (till) => [
    {
      key: rowKey.till(decodeKey("till", till.key)),
      same: (value, s) => {
        const row = decodeTill(value);
        return (
          row.member === till.member &&
          row.label === till.label &&
          (row.state === till.state || (s.height > height && row.state === "REVOKED"))
        );
      },
    },
  ];
}

export function obligationLine(height: number): (o: ObligationAnswer) => RowCheck {
  return (o) => [
    {
      key: rowKey.obligation(o.cycle, o.campaign, o.payee),
      same: (value, s) => {
        if (value.length === 0) return s.height > height; // all of it was undone since
        const row = decodeObligation(value);
        return s.height > height || (row.count === o.count && String(row.sum) === o.sum);
      },
    },
  ];
}

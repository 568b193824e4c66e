/**
 * The words for each kind of transaction and each type of event, in both languages:
 * one that is missing does not compile.
 */
import type { Kind } from "@scrip/sdk/transactions";
import type { EventType } from "@scrip/sdk/verify";

type Words = Readonly<Record<Kind | EventType, string>>;

export const kindsEn = {
  "CampaignPublish": "Open a campaign",
  "campaign.published": "Campaign opened",
  "CampaignPause": "Pause a campaign",
  "campaign.paused": "Campaign paused",
  "CampaignResume": "Let a campaign go on",
  "campaign.resumed": "Campaign goes on",
  "CampaignClose": "Close a campaign",
  "campaign.closed": "Campaign closed",
  "BatchCommit": "Release a batch",
  "batch.committed": "Batch of coupons released",
  "TillKeyAdd": "Add a till",
  "till.added": "Till added",
  "TillKeyRevoke": "Revoke a till",
  "till.revoked": "Till revoked",
  "Claim": "Claim a coupon",
  "coupon.claimed": "Claimed",
  "Transfer": "Move a coupon",
  "coupon.transferred": "Handed to another key",
  "coupon.refreshed": "Old codes made void",
  "gift.offered": "Offered as a gift",
  "gift.accepted": "Gift accepted",
  "gift.taken_back": "Gift taken back",
  "Redeem": "Redeem a coupon",
  "redemption.accrued": "Redeemed",
  "Void": "Undo a redemption",
  "redemption.voided": "Redemption undone",
} as const satisfies Words;

export const kindsZh: Words = {
  "CampaignPublish": "开放活动",
  "campaign.published": "活动开放",
  "CampaignPause": "暂停活动",
  "campaign.paused": "活动暂停",
  "CampaignResume": "继续活动",
  "campaign.resumed": "活动继续",
  "CampaignClose": "关闭活动",
  "campaign.closed": "活动关闭",
  "BatchCommit": "放出一批券",
  "batch.committed": "放出一批券",
  "TillKeyAdd": "添加收银台",
  "till.added": "添加收银台",
  "TillKeyRevoke": "撤销收银台",
  "till.revoked": "撤销收银台",
  "Claim": "领取一张券",
  "coupon.claimed": "领取",
  "Transfer": "转移一张券",
  "coupon.transferred": "转给另一密钥",
  "coupon.refreshed": "旧码作废",
  "gift.offered": "发起赠送",
  "gift.accepted": "赠送被接受",
  "gift.taken_back": "赠送收回",
  "Redeem": "使用一张券",
  "redemption.accrued": "使用",
  "Void": "撤销一次使用",
  "redemption.voided": "撤销使用",
};

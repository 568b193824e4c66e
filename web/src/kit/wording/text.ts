/** The texts about the terms that an issuer has written. */
import { translator, type Twin } from "../i18n.ts";

export const en = {
  title: "Terms of the issuer",
  loading: "Reading the terms",
  checked: "Checked against the ledger: these are the words that the issuer signed.",
  titleOnly: "The issuer has written no terms beyond what stands on the coupon.",
  none: "The text of the terms is missing",
  noneText:
    "The issuer signed terms for this campaign, and the network does not have their text. What stands on the coupon counts all the same. Ask the issuer for the rest before you rely on it.",
  away: "The terms cannot be read now",
  awayText:
    "No node has given the words that the issuer signed. What stands on the coupon is checked; try again for the rest.",
  print: "Terms: {text}",
};

export const zh: Twin<typeof en> = {
  title: "发行方的条款",
  loading: "正在读取条款",
  checked: "已与账本核对：这就是发行方签署的原文。",
  titleOnly: "除券面内容外，发行方没有另写条款。",
  none: "条款原文缺失",
  noneText: "发行方为此活动签署了条款，但网络中没有原文。券面上的内容仍然有效；其余内容请先向发行方询问。",
  away: "暂时无法读取条款",
  awayText: "没有节点给出发行方签署的原文。券面内容已核对；其余请稍后再试。",
  print: "条款：{text}",
};

export const t = translator(en, zh);

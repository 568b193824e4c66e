/** The texts about what a shop shows of itself. */
import { translator, type Twin } from "../i18n.ts";

export const en = {
  address: "Address",
  hours: "Open",
  website: "Website",
  phone: "Phone",
  signed: "Signed by {name}, {date}",
};

export const zh: Twin<typeof en> = {
  address: "地址",
  hours: "营业时间",
  website: "网站",
  phone: "电话",
  signed: "由 {name} 签署，{date}",
};

export const t = translator(en, zh);

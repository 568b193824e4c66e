/** A shop's address, opening hours, website and phone, under its name. */
import type { JSX } from "preact";
import type { SignedProfile } from "@scrip/sdk/profiles";
import { date } from "../format.ts";
import { hoursText } from "./hours.ts";
import { Logo } from "./logo.tsx";
import { t } from "./text.ts";

export interface ShopFactsProps {
  name: string;
  shop: SignedProfile;
}

/** ShopFacts says who has signed it: nobody else vouches for it. */
export function ShopFacts(p: ShopFactsProps): JSX.Element {
  const { shop } = p;
  const lines = hoursText(shop.hours);
  return (
    <section class="shop stack-s" aria-label={p.name}>
      <div class="shop-head">
        <Logo look={shop} large />
        <h2>{p.name}</h2>
      </div>
      <dl class="pairs">
        {shop.address.length > 0 && (
          <>
            <dt>{t("address")}</dt>
            <dd>
              {shop.address.map((line, i) => (
                <div key={i} class="shop-line">
                  {line}
                </div>
              ))}
            </dd>
          </>
        )}
        {lines.length > 0 && (
          <>
            <dt>{t("hours")}</dt>
            <dd>
              {lines.map((l) => (
                <div key={l.days}>
                  {l.days} {l.times}
                </div>
              ))}
            </dd>
          </>
        )}
        {shop.website !== "" && (
          <>
            <dt>{t("website")}</dt>
            <dd>
              <a href={shop.website} target="_blank" rel="noopener noreferrer nofollow">
                {shop.website.slice("https://".length).replace(/\/$/, "")}
              </a>
            </dd>
          </>
        )}
        {shop.phone !== "" && (
          <>
            <dt>{t("phone")}</dt>
            <dd>
              <a href={`tel:${shop.phone.replace(/[ -]/g, "")}`}>{shop.phone}</a>
            </dd>
          </>
        )}
      </dl>
      <p class="soft small">{t("signed", { name: p.name, date: date(shop.at) })}</p>
    </section>
  );
}

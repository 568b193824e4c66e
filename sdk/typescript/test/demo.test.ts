import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as sdk from "../src/index.ts";
import { devTill } from "../src/dev.ts";
import { type Network, startNetwork } from "./network.ts";

let network: Network;
let client: sdk.Client;
const wallet = new sdk.Wallet(sdk.newMnemonic());

before(async () => {
  network = await startNetwork();
  client = await sdk.Client.connect(network.nodes);
});
after(() => network.stop());

/** A bill on which a coupon of these terms gives something. */
function billFor(t: sdk.Terms): sdk.Bill {
  const basis = t.minSpend + 1_999n;
  return sdk.itemKind(t) ? { basis, qty: 1, unit: 380n } : { basis };
}

/** Claims a coupon of a campaign at the demonstration's desk. */
async function claimed(campaign: number): Promise<{ c: sdk.ProvenCoupon; holder: sdk.SecretKey }> {
  const [desk] = (await sdk.findNodes(client)).desks;
  assert.ok(desk);
  const holder = wallet.coupon(campaign, 0);
  const { effect } = await sdk.claimAtDesk(client, desk, campaign, sdk.SecretKey.generate("holder"), holder.key);
  assert.deepEqual(effect.owner, holder.key);
  return { c: await client.coupon(effect.coupon), holder };
}

test("coupons of every kind come from the desk and take at the till what the wallet has computed", async () => {
  const kinds = new Set<string>();
  for (const { id, status } of await client.campaigns()) {
    const { terms } = await client.campaign(id);
    if (status !== "PUBLISHED" || kinds.has(terms.valueKind)) continue;
    kinds.add(terms.valueKind);
    const { c, holder } = await claimed(id);
    const merchant = terms.shops[0]?.member ?? 2;
    const till = devTill(merchant);
    const bill = billFor(terms);
    const facts = { ...bill, basis: sdk.clipBasis(terms, bill.basis, bill.qty, bill.unit), campaign: id };
    const invoice = sdk.makeInvoice(client, till, { ...facts, currency: terms.currency });
    const value = sdk.valueOn(c, invoice.invoice);
    assert.ok(value > 0n, terms.title);
    const shown = terms.showMax >= value;
    const { effect } = shown
      ? await sdk.redeemShown(client, till, sdk.showCode(client.chain, c, holder, { value, merchant }), bill)
      : await sdk.redeemInvoice(client, invoice, sdk.authorizeInvoice(client, c, holder, invoice, value));
    assert.equal(effect.value, value, terms.title);
    assert.equal(effect.payable, sdk.payable(terms, value), terms.title);
    assert.equal(effect.usesLeft, effect.after === 0n && terms.valueKind === "STORED" ? 0 : c.usesLeft - 1);
  }
  assert.deepEqual([...kinds].sort(), ["AMOUNT", "FREE_ITEM", "PERCENT", "STORED"]);
});

test("a paused campaign and one that is used up say so, by the desk or by the chain", async () => {
  const all = await client.campaigns();
  const of = (status: string): number => all.find((c) => c.status === status)?.id ?? 0;
  await assert.rejects(claimed(of("PAUSED")), (e) => e instanceof sdk.Refusal && e.code === "E204");
  await assert.rejects(claimed(of("EXHAUSTED")), (e) => e instanceof sdk.HttpStatus && e.status === 403);
  const standings = await Promise.all(all.map(async (c) => (await client.campaign(c.id)).standing));
  assert.deepEqual(
    standings,
    all.map((c) => c.status),
  );
});

test("what nodes list of coupons is what their proofs say", async () => {
  for (const { id } of await client.campaigns()) {
    const owner = wallet.coupon(id, 0).key;
    for (const listed of await client.holderCoupons(owner)) {
      const proven = await client.coupon(BigInt(listed.id));
      assert.deepEqual(
        [listed.owner, listed.seq, listed.status, listed.value_left, Number(listed.until.ms)],
        [sdk.address(proven.owner), proven.seq, proven.standing, String(proven.valueLeft), proven.until],
      );
    }
  }
});

// Package actions is what issuers, holders and tills do, each in one call: read what
// is needed with proofs, sign, hand in, and return the proven receipt.
//
// It has two layers. The functions of sign.go ask nobody: from the chain, facts and keys
// they make signed transactions and the payloads of QR codes and links, so that a
// wallet works offline and a program that signs in advance writes the same bytes.
// Issuer, Holder and Till put a client on top.
//
// From a ticket and a key to a redeemed coupon:
//
//	holder, counter := actions.Holder{Client: c}, actions.Till{Client: c, Key: till}
//	claimed, err := holder.Claim(ctx, ticket, owner.Key)
//	if err != nil {
//		return nil, err
//	}
//	coffee := actions.Bill{Currency: 978, Basis: 780, BasketHash: actions.BasketHash([]byte("2 coffees"))}
//	invoice := counter.MakeInvoice(coffee)
//	auth, err := holder.AuthorizeInvoice(actions.Held{Coupon: claimed.Outcome.Coupon}, owner, invoice, 500)
//	if err != nil {
//		return nil, err
//	}
//	return counter.RedeemInvoice(ctx, invoice, auth)
//
// Money is in minor units of the campaign's currency, times are Unix milliseconds.
// Errors of methods that hand something in are those of client.Submit, errors of
// those that read are those of client.Coupon; each says what was attempted. All
// values are safe for concurrent use if their keys are.
//
// Below it, package offer reads a campaign as it is written, and package purse is a
// holder's wallet on this machine.
//
// The TypeScript SDK has the same actions under the same names (actions.ts).
package actions

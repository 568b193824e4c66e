package client_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// forge signs a checkpoint with keys that are not those of the committee.
func forge(x *apitest.Network, c *pbft.CheckpointCertificate) {
	committee, err := x.Dev.Genesis.Committee()
	if err != nil {
		panic(err)
	}
	message := committee.CheckpointBytes(c.Seq, c.Block, c.StateRoot, c.ReceiptRoot)
	for i := range c.Signatures {
		c.Signatures[i] = sig.NewKeyFromSeed([32]byte{byte(i)}).Sign(message)
	}
}

// receiptLies are what a node can do to a receipt proof.
func receiptLies(x *apitest.Network, other []byte) map[string]func(p *chain.ReceiptProof) []byte {
	return map[string]func(p *chain.ReceiptProof) []byte{
		"another outcome": func(p *chain.ReceiptProof) []byte {
			o, _ := coupon.DecodeReceipt(p.Leaf)
			p.Leaf = (&coupon.Outcome{ID: o.ID, Code: coupon.AlreadyRedeemed}).AppendTo(nil)
			return p.Encode()
		},
		"another outcome under its own root": func(p *chain.ReceiptProof) []byte {
			o, _ := coupon.DecodeReceipt(p.Leaf)
			p.Leaf = (&coupon.Outcome{ID: o.ID, Code: coupon.AlreadyRedeemed}).AppendTo(nil)
			p.Checkpoint.ReceiptRoot = chain.RootOf([][]byte{p.Leaf})
			p.Index, p.Size, p.Path = 0, 1, nil
			return p.Encode()
		},
		"another outcome, signed by others": func(p *chain.ReceiptProof) []byte {
			o, _ := coupon.DecodeReceipt(p.Leaf)
			p.Leaf = (&coupon.Outcome{ID: o.ID, Code: coupon.AlreadyRedeemed}).AppendTo(nil)
			p.Checkpoint.ReceiptRoot = chain.RootOf([][]byte{p.Leaf})
			p.Index, p.Size, p.Path = 0, 1, nil
			forge(x, p.Checkpoint)
			return p.Encode()
		},
		"another height": func(p *chain.ReceiptProof) []byte { p.Checkpoint.Seq++; return p.Encode() },
		"one member alone": func(p *chain.ReceiptProof) []byte {
			var one pbft.Signers
			for i := range pbft.ReplicaID(4) {
				if p.Checkpoint.Signers.Has(i) {
					one.Add(i)
					break
				}
			}
			p.Checkpoint.Signers, p.Checkpoint.Signatures = one, p.Checkpoint.Signatures[:1]
			return p.Encode()
		},
		"the proof of another transaction": func(*chain.ReceiptProof) []byte { return other },
		"no bytes of a proof":              func(p *chain.ReceiptProof) []byte { return p.Encode()[1:] },
	}
}

func TestALieAboutAReceiptIsDetected(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	publish, campaign := x.Publish()
	other := submit(t, honest, publish).Proof.Encode()
	tx := campaign.Batch(10)
	r := submit(t, honest, tx)
	for name, lie := range receiptLies(x, other) {
		t.Run(name, func(t *testing.T) {
			liar := proxy(t, x.Members[0].URL, func(_ *http.Request, status int, body []byte) (int, []byte) {
				return status, edit(t, body, func(a *client.TxAnswer) {
					p, err := chain.DecodeReceiptProof(a.Proof)
					if err != nil {
						t.Fatal(err)
					}
					a.Proof = lie(p)
				})
			})
			_, err := newClient(t, x, []string{liar}).Receipt(within(t, time.Second), r.Outcome.ID, 0)
			if !errors.Is(err, client.ErrFalse) {
				t.Errorf("a lying node alone: %v", err)
			}
			got, err := newClient(t, x, []string{liar, x.Members[1].URL}).Submit(within(t, time.Minute), tx)
			if err != nil || got.Outcome != r.Outcome || got.Node != x.Members[1].URL {
				t.Errorf("with an honest node beside it: %v", err)
			}
		})
	}
	t.Run("another time", func(t *testing.T) {
		liar := proxy(t, x.Members[0].URL, func(_ *http.Request, status int, body []byte) (int, []byte) {
			return status, edit(t, body, func(a *client.TxAnswer) {
				h, _ := pbft.DecodeHeader(a.Header)
				h.TimeMs++
				a.Header = h.Append(nil)
			})
		})
		_, err := newClient(t, x, []string{liar}).Receipt(within(t, time.Second), r.Outcome.ID, 0)
		if !errors.Is(err, client.ErrFalse) {
			t.Error(err)
		}
	})
}

func TestALieAboutTheStateIsDetected(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	campaign := issue(t, x, honest, holder)
	key := coupon.CouponKey(campaign.Coupon(1))
	for _, node := range x.Members[:2] { // each has certified the coupon, so that only the lies differ
		c := newClient(t, x, []string{node.URL})
		for deadline := time.Now().Add(time.Minute); ; {
			if s, err := c.State(within(t, time.Minute), key); err == nil && s.Found() {
				break
			} else if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	thief := apitest.Holder(2)
	lies := map[string]func(p *chain.KeyProof) []byte{
		"another owner": func(p *chain.KeyProof) []byte {
			c, _ := coupon.DecodeCoupon(p.Value)
			c.Owner = thief.Key
			p.Value = c.AppendTo(nil)
			return p.Encode()
		},
		"no such coupon": func(p *chain.KeyProof) []byte { p.Value = nil; return p.Encode() },
		"another key":    func(p *chain.KeyProof) []byte { p.Key = coupon.CouponKey(campaign.Coupon(2)); return p.Encode() },
		"absent, as if": func(p *chain.KeyProof) []byte {
			p.Value = nil
			p.Proof = &chain.StateProof{End: chain.EndEmpty, Siblings: p.Proof.Siblings}
			return p.Encode()
		},
		"an own root": func(p *chain.KeyProof) []byte {
			pages := chain.MemPages{}
			p.Value = bytes.Repeat([]byte{1}, 66)
			root, writes, err := chain.Update(pages, [32]byte{}, []chain.Change{{Key: p.Key, Value: p.Value}})
			if err != nil {
				t.Fatal(err)
			}
			pages.Apply(writes)
			p.Proof, _ = chain.ProveKey(pages, root, p.Key)
			p.Checkpoint.StateRoot = root
			forge(x, p.Checkpoint)
			return p.Encode()
		},
		"f+1 members only": func(p *chain.KeyProof) []byte {
			var two pbft.Signers
			for i := pbft.ReplicaID(0); two.Count() < 2; i++ {
				if p.Checkpoint.Signers.Has(i) {
					two.Add(i)
				}
			}
			p.Checkpoint.Signers, p.Checkpoint.Signatures = two, p.Checkpoint.Signatures[:2]
			return p.Encode()
		},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			liar := proxy(t, x.Members[0].URL, func(_ *http.Request, status int, body []byte) (int, []byte) {
				return status, edit(t, body, func(a *client.StateAnswer) {
					p, err := chain.DecodeKeyProof(a.Proof)
					if err != nil {
						t.Fatal(err)
					}
					a.Proof = lie(p)
				})
			})
			if _, err := newClient(t, x, []string{liar}).State(within(t, time.Minute), key); !errors.Is(err, client.ErrFalse) {
				t.Errorf("a lying node alone: %v", err)
			}
			s, err := newClient(t, x, []string{liar, x.Members[1].URL}).State(within(t, time.Minute), key)
			if err != nil || !s.Found() || s.Node != x.Members[1].URL {
				t.Errorf("with an honest node beside it: %v", err)
			}
		})
	}
}

// A node that leaves out a coupon of a campaign, or lists them in another order or
// without end, is not believed; an honest one beside it is.
func TestALieAboutTheHoldersOfACampaignIsDetected(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	campaign := issue(t, x, c, holder)
	seen := client.WithFloor(submit(t, c, campaign.Claim(2, holder.Key)).Height)
	mark := func(serial byte) []byte { return []byte{0, 0, 0, serial, 9, 9, 9, 9} }
	for name, lie := range map[string]struct {
		holders []byte
		next    int
	}{
		"one is left out":   {mark(1), 0},
		"in another order":  {append(mark(2), mark(1)...), 0},
		"back to the first": {mark(2), 1},
		"nothing, and on":   {nil, 5},
	} {
		liar := proxy(t, x.Members[0].URL, func(r *http.Request, status int, body []byte) (int, []byte) {
			if !strings.HasSuffix(r.URL.Path, "/holders") {
				return status, body
			}
			return status, fmt.Appendf(nil, `{"holders":%q,"next":%d}`, base64.StdEncoding.EncodeToString(lie.holders), lie.next)
		})
		alone := newClient(t, x, []string{liar}, seen)
		if marks, err := alone.HolderMarks(within(t, time.Minute), campaign.Number); !errors.Is(err, client.ErrFalse) {
			t.Errorf("%s: %v, %v", name, marks, err)
		}
		both := newClient(t, x, []string{liar, x.Members[1].URL}, seen)
		marks, err := both.HolderMarks(within(t, time.Minute), campaign.Number)
		if err != nil || len(marks) != 2 || marks[1].Mark != [4]byte(holder.Key[:4]) {
			t.Errorf("%s, with an honest node beside it: %v, %v", name, marks, err)
		}
	}
}

// A node repeats a proof that was true once.
func TestAnOldStateIsRefused(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	campaign := issue(t, x, honest, holder)
	var kept []byte
	liar := proxy(t, x.Members[0].URL, func(r *http.Request, status int, body []byte) (int, []byte) {
		if !strings.HasPrefix(r.URL.Path, "/v1/state/") || status != http.StatusOK {
			return status, body
		}
		if kept == nil {
			kept = body
		}
		return status, kept
	})
	key := coupon.CouponKey(campaign.Coupon(1))
	c := newClient(t, x, []string{liar})
	if _, err := c.State(within(t, time.Minute), key); err != nil {
		t.Fatal(err)
	}
	submit(t, c, campaign.Redeem(1, 0, holder, 0))
	if _, err := c.State(within(t, time.Minute), key); !errors.Is(err, client.ErrStale) {
		t.Errorf("after the client has seen a newer height: %v", err)
	}
	fresh := newClient(t, x, []string{liar}, client.WithMaxAge(50*time.Millisecond))
	time.Sleep(60 * time.Millisecond)
	if _, err := fresh.State(within(t, time.Minute), key); !errors.Is(err, client.ErrStale) {
		t.Errorf("by the clock: %v", err)
	}
	both := newClient(t, x, []string{liar, x.Members[1].URL})
	submit(t, both, campaign.Claim(2, holder.Key))
	s, err := both.Coupon(within(t, time.Minute), campaign.Coupon(1))
	if err != nil || s.Status != "REDEEMED" {
		t.Errorf("with an honest node beside it: %v", err)
	}
}

func TestALieAboutABlockIsDetected(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	publish, _ := x.Publish()
	height := submit(t, honest, publish).Height
	lies := map[string]func(a *client.BlockAnswer){
		"a transaction left out": func(a *client.BlockAnswer) { a.Txs, a.Receipts = nil, nil },
		"another receipt": func(a *client.BlockAnswer) {
			o, _ := coupon.DecodeReceipt(a.Receipts[0])
			a.Receipts[0] = (&coupon.Outcome{ID: o.ID, Code: coupon.BadTerms}).AppendTo(nil)
		},
		"another transaction": func(a *client.BlockAnswer) { a.Txs[0][20] ^= 1 },
		"another time": func(a *client.BlockAnswer) {
			h, _ := pbft.DecodeHeader(a.Header)
			h.TimeMs++
			a.Header = h.Append(nil)
		},
		"a closing header": func(a *client.BlockAnswer) {
			h, _ := pbft.DecodeHeader(a.Header)
			h.Flags |= pbft.FlagClosing
			a.Header = h.Append(nil)
		},
		"no checkpoint": func(a *client.BlockAnswer) { a.Checkpoint = nil },
		"a forged checkpoint": func(a *client.BlockAnswer) {
			c, _ := pbft.DecodeCheckpointCertificate(a.Checkpoint)
			forge(x, c)
			a.Checkpoint = c.Encode()
		},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			liar := proxy(t, x.Members[0].URL, func(_ *http.Request, status int, body []byte) (int, []byte) {
				return status, edit(t, body, lie)
			})
			if _, err := newClient(t, x, []string{liar}).Block(within(t, time.Minute), height); !errors.Is(err,
				client.ErrFalse) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Whatever a node sends, the client returns an error and does not panic.
func TestNonsenseIsAnError(t *testing.T) {
	x := start(t)
	for name, answer := range map[string]string{
		"nothing": "", "no object": "17", "null": "null", "an empty object": "{}", "no JSON": "<html>",
		"a proof of nothing": `{"state":"proved","final":true,"proof":"AQ=="}`,
		"endless":            `{"state":"` + strings.Repeat("x", 2<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			liar := proxy(t, x.Members[0].URL, func(*http.Request, int, []byte) (int, []byte) {
				return http.StatusOK,
					[]byte(answer)
			})
			c := newClient(t, x, []string{liar})
			ctx := within(t, 150*time.Millisecond)
			if _, err := c.Receipt(ctx, [32]byte{1}, 0); err == nil {
				t.Error("a receipt was believed")
			}
			ctx = within(t, time.Minute)
			if _, err := c.State(ctx, coupon.ParamsKey()); err == nil {
				t.Error("a state was believed")
			}
			if _, err := c.Block(ctx, 1); err == nil {
				t.Error("a block was believed")
			}
		})
	}
}

func TestAReceiptFileNeedsNoNetwork(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	tx, _ := x.Publish()
	r := submit(t, c, tx)
	file, err := c.EncodeReceiptFile(tx, r)
	if err != nil {
		t.Fatal(err)
	}
	v, err := client.NewVerifier(x.Dev.Genesis.Raw)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.ReadReceiptFile(file)
	if err != nil || got.Differs || got.Outcome != r.Outcome || got.TimeMs != r.TimeMs ||
		got.Summary.Kind != "CampaignPublish" {
		t.Fatalf("%+v, %v", got, err)
	}
	change := func(f func(x *client.ReceiptFile)) []byte {
		y := new(client.ReceiptFile)
		if err := json.Unmarshal(file, y); err != nil {
			t.Fatal(err)
		}
		f(y)
		b, err := json.Marshal(y)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// The file's own words are not believed, but a difference is told.
	said, err := v.ReadReceiptFile(change(func(f *client.ReceiptFile) { f.Summary.Code = "E509" }))
	if err != nil || !said.Differs || said.Summary.Code != "OK" {
		t.Errorf("an edited summary: %+v, %v", said, err)
	}
	for name, bad := range map[string][]byte{
		"another transaction": change(func(f *client.ReceiptFile) { f.Tx[30] ^= 1 }),
		"another proof":       change(func(f *client.ReceiptFile) { f.Proof[len(f.Proof)-1] ^= 1 }),
		"no header":           change(func(f *client.ReceiptFile) { f.Header = nil }),
		"another format":      change(func(f *client.ReceiptFile) { f.Format = "scrip-receipt/v2" }),
		"two objects":         append(bytes.Clone(file), file...),
		"an unknown member":   bytes.Replace(file, []byte(`"format"`), []byte(`"extra": 1, "format"`), 1),
		"nothing":             nil,
	} {
		if _, err := v.ReadReceiptFile(bad); !errors.Is(err, client.ErrFalse) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadReceiptFile(f *testing.F) {
	v, err := client.NewVerifier(fuzzGenesis(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"format":"scrip-receipt/v1","chain":"","tx":"","proof":"","header":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := v.ReadReceiptFile(b); err == nil {
			t.Errorf("a receipt out of nothing: %s", hex.EncodeToString(b))
		}
	})
}

package demo

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/keys"
)

// The members of a demonstration.
const (
	mall     = 1
	bakery   = 2
	bookshop = 3
)

// Its tills, numbered as in the genesis file.
const (
	bakeryTill = iota
	bakeryManager
	bookshopTill
	bookshopManager
)

// currency is the chain's only one.
const currency = 978

const (
	soonMs = 60_000 // for which a transaction is good
	hourMs = 3_600_000
	dayMs  = 24 * hourMs
)

// stepTimeout bounds every transaction of a scene or story.
const stepTimeout = 20 * time.Second

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// soon is an expiry for whatever is signed now.
func soon() uint64 { return nowMs() + soonMs }

// cast is who acts in a demonstration, and the chain for which they sign.
type cast struct {
	dev   *genesis.DevNetwork
	chain coupon.Chain
}

func castOf(dev *genesis.DevNetwork) cast { return cast{dev, dev.Genesis.Chain()} }

func (c *cast) admin(member uint16) coupon.MemberSigner {
	return coupon.MemberSigner{Member: member, Signer: coupon.NewSigner(c.dev.Admins[member-1].Seed)}
}

func (c *cast) till(n int) coupon.Signer { return coupon.NewSigner(c.dev.Tills[n].Seed) }

// holders are the people with wallets.
func holders() []string { return []string{"Bo", "Cy", "Dee", "Eli", "Fay"} }

// person is a holder with a wallet of 12 words.
type person struct {
	name    string
	entropy []byte
	wallet  keys.Wallet
	next    map[uint32]uint32 // by campaign, the number of the next key
	used    []string          // coupons that a scan does not find
}

// newPerson returns a holder whose words follow from the name: everybody knows them.
func newPerson(name string) (*person, error) {
	sum := sha256.Sum256([]byte("scrip demonstration wallet of " + name))
	p := &person{name: name, entropy: sum[:16], next: make(map[uint32]uint32)}
	words, err := keys.MnemonicFromEntropy(p.entropy)
	if err == nil {
		p.wallet, err = keys.NewWallet(words, "")
	}
	if err != nil {
		return nil, fmt.Errorf("make the wallet of %s: %w", name, err)
	}
	return p, nil
}

// key returns the next key of a campaign, with its number.
func (p *person) key(campaign uint32, capped bool) (coupon.Signer, uint32, error) {
	n := p.next[campaign]
	if capped {
		n = 0
	}
	p.next[campaign] = n + 1
	s, err := p.wallet.Coupon(campaign, n)
	return coupon.NewSigner(s.Seed), n, err
}

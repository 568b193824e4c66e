package scene

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/network"
)

// Link opens a face as somebody. What stands behind the # of its path is secret, as
// far as anything of a demonstration is.
type Link struct {
	Face string `json:"face"`
	Who  string `json:"who,omitempty"`
	// Path is to be put behind the address of any node.
	Path string `json:"path"`
	// Text says what is to be seen there.
	Text string `json:"text"`
}

// managerPIN opens the manager's key on the demonstration's tills.
const managerPIN = "2580"

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

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// link opens the wallet as this person.
func (p *person) link(text string) Link {
	f := "k=" + encode(p.entropy) + "&n=" + url.QueryEscape(p.name)
	if len(p.used) > 0 {
		f += "&u=" + strings.Join(p.used, ",")
	}
	return Link{Face: "wallet", Who: p.name, Path: "/wallet/#" + f, Text: text}
}

// staff are the links of those who need no coupons to be there.
func staff(n *network.Network) []Link {
	console := func(who string, member uint16, text string) Link {
		seed := n.Dev().Admins[member-1].Seed
		return Link{"console", who, fmt.Sprintf("/console/#k=%s&m=%d", encode(seed[:]), member), text}
	}
	till := func(who string, cashier, manager int) Link {
		k, v := n.Dev().Tills[cashier].Seed, n.Dev().Tills[manager].Seed
		return Link{"till", who, fmt.Sprintf("/till/#k=%s&v=%s&pin=%s", encode(k[:]), encode(v[:]), managerPIN),
			"manager's PIN " + managerPIN}
	}
	return []Link{
		console("Ana", 2, "runs the bakery"), console("Ben", 3, "runs the bookshop"), console("the mall", 1, ""),
		till("bakery", 0, 1), till("bookshop", 2, 3),
		{"explorer", "", "/explorer/", "for anybody"},
	}
}

// poster is the link of a campaign's poster. The wallet learns from its node where
// the desk is.
func poster(campaign uint32, text string) Link {
	return Link{"poster", "anybody", fmt.Sprintf("/p/%d", campaign), text}
}

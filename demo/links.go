package demo

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrip-network/scrip/coupon"
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

func (x *director) payloadLink(face string, p *coupon.Payload, text string) Link {
	return Link{face, "anybody", x.chain.Link("", p), text}
}

// EmptyScene returns the links of a network without a scene.
func EmptyScene(n *network.Network) []Link {
	return append([]Link{{Face: "wallet", Who: "somebody new", Path: "/wallet/"}}, staff(n)...)
}

// linksFile is where the links of a scene lie in the folder of its network.
const linksFile = "scene.json"

// SaveLinks keeps the links for a network that is started again.
func SaveLinks(dir string, links []Link) error {
	b, err := json.MarshalIndent(links, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, linksFile), b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the scene: %w", err)
	}
	return nil
}

// LoadLinks returns the links that SaveLinks has kept; ok is false if there are none.
func LoadLinks(dir string) (links []Link, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, linksFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &links)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the scene: %w", err)
	}
	return links, true, nil
}

package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/validator"
)

// Person is somebody of the demonstration: a name, what they do, and their key.
type Person struct {
	Name    string
	Role    string
	Secret  keys.Secret
	KeyPath string
}

// holders are the people with coupons, by the number of their key.
var holders = []string{"bo", "cy"}

// People returns the people of the demonstration with the files of their keys.
func (n *Network) People() []Person {
	var all []Person
	add := func(name, role string, s keys.Secret) {
		all = append(all, Person{name, role, s, filepath.Join(n.cfg.Dir, "keys", name+".key")})
	}
	members := []string{"mall", "bakery", "bookshop", "payments"}
	for i, role := range []string{"issuer", "merchant and issuer", "merchant and issuer", "payment firm"} {
		add(members[i], role, n.dev.Admins[i])
	}
	tills := []string{"bakery-till", "bakery-manager", "bookshop-till", "bookshop-manager"}
	for i, role := range []string{"till: redeems", "till: redeems and undoes", "till: redeems",
		"till: redeems and undoes"} {
		add(tills[i], role, n.dev.Tills[i])
	}
	wallet, err := keys.NewWallet(genesis.DevPhrase, "")
	if err != nil {
		panic("network: the demonstration phrase: " + err.Error())
	}
	for i, name := range holders {
		s, err := wallet.Key(keys.Holder, 0, uint32(i))
		if err != nil {
			panic("network: the demonstration keys: " + err.Error())
		}
		add(name, "holder", s)
	}
	desk, err := wallet.Key(keys.Ticket, 1, 0)
	if err != nil {
		panic("network: the demonstration keys: " + err.Error())
	}
	add("desk", "hands out the mall's tickets", desk)
	return all
}

// ShowPeople lets the start pages of all nodes list the links, instead of those before.
func (n *Network) ShowPeople(links []Link) error {
	raw, err := json.Marshal(links)
	for i := 0; err == nil && i < n.cfg.Validators; i++ {
		name := filepath.Join(n.Home(i), validator.PeopleName)
		if err = os.WriteFile(name+".new", raw, 0o600); err == nil { // a node may read it meanwhile
			err = os.Rename(name+".new", name)
		}
	}
	if err != nil {
		return fmt.Errorf("show the people of the demo: %w", err)
	}
	return nil
}

// Person returns one of the people by name.
func (n *Network) Person(name string) (Person, bool) {
	for _, p := range n.People() {
		if p.Name == name {
			return p, true
		}
	}
	return Person{}, false
}

// CPUTime returns the CPU time that all running validators have used.
func (n *Network) CPUTime() (time.Duration, error) {
	var sum time.Duration
	for i := range n.cfg.Validators {
		pid := n.PID(i)
		if pid == 0 {
			continue
		}
		d, err := cpuTime(pid)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	if sum == 0 {
		return 0, errors.New("no validator runs")
	}
	return sum, nil
}

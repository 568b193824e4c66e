package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/validator"
)

// PortStep is the distance between the API ports of two validators; the port for
// the others follows a validator's API port.
const PortStep = 10

// deskOffset is how far the ticket desk's port is from the base port.
const deskOffset = 5

// Config describes a network.
type Config struct {
	// Executable is the scrip binary.
	Executable string
	// Dir holds the homes, the keys of the demonstration people and the genesis
	// file. If it holds a network already, that one is started again.
	Dir string
	// Name is the chain's name, for a new one.
	Name string
	// Validators is how many there are, at least 4.
	Validators int
	// BasePort is the first API port; 0 = free ones.
	BasePort int
	// LAN is an address of this machine in its local network, at which browsers of
	// other devices reach the APIs; "" = this machine only. The validators themselves
	// talk on loopback always.
	LAN string
	// Change changes numbers of a new chain, such as its protocol; nil for none. A chain
	// that is started again must have them already, but for its time.
	Change func(*genesis.File)
	// Settings are flags of the validators by their names, such as "log-level".
	Settings map[string]string
	// Env is added to the environment of the validators.
	Env []string
	// Places, if set, are where the validators run, one for each; otherwise all run here
	// and talk on loopback.
	Places []Place
}

// Place is where a validator runs when it has an address of its own, such as a network
// namespace.
type Place struct {
	// Host is its address, at which this process and the other validators reach it.
	Host string
	// Command are the words before the validator's own that start it there.
	Command []string
}

// The ports of a validator that has an address of its own.
const (
	placedAPIPort   = 7000
	placedPeersPort = 7001
)

// Network is a set of validators. Its methods are safe for concurrent use.
type Network struct {
	cfg     Config
	dev     *genesis.DevNetwork
	ports   []ports
	desk    int // port of the ticket desk
	resumed bool

	mu        sync.Mutex // guards the slice's elements
	processes []*process
}

// ports are those of one validator.
type ports struct{ api, peers int }

// Create makes the homes of a network, or finds those in its folder. It starts
// nothing. Port conflicts are a *validator.Trouble.
func Create(cfg Config) (*Network, error) {
	if k := len(cfg.Places); k > 0 && k != cfg.Validators {
		return nil, fmt.Errorf("make the network: %d places for %d validators", k, cfg.Validators)
	}
	n := &Network{cfg: cfg, processes: make([]*process, cfg.Validators)}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the network: %w", err)
	}
	name, err := n.chainName()
	if err != nil {
		return nil, err
	}
	if n.dev, err = n.makeGenesis(name); err != nil {
		return nil, err
	}
	if err := n.choosePorts(); err != nil {
		return nil, err
	}
	for i := range cfg.Validators {
		if err := n.makeHome(i); err != nil {
			return nil, fmt.Errorf("make the home of validator %d: %w", i, err)
		}
	}
	return n, n.writeShared()
}

// chainName returns the name of the chain in the folder, or that of the new one.
func (n *Network) chainName() (string, error) {
	g, err := genesis.Load(n.GenesisPath())
	if errors.Is(err, fs.ErrNotExist) {
		return n.cfg.Name, nil
	}
	if err != nil {
		return "", err
	}
	if have := len(g.File.Committee.Validators); !g.File.IsDev() || have != n.cfg.Validators {
		return "", &validator.Trouble{Kind: validator.KindForeign,
			What:   fmt.Sprintf("%s holds the chain %s of %d validators", n.cfg.Dir, g.File.Name, have),
			Remedy: "Name another folder, or ask for as many validators."}
	}
	n.resumed = true
	return g.File.Name, nil
}

// choosePorts fixes the ports and finds those that are taken before anything runs.
func (n *Network) choosePorts() (err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	take := func(port int) (int, error) {
		l, err := net.Listen("tcp", n.listenAt(port))
		if errors.Is(err, syscall.EADDRINUSE) {
			return 0, &validator.Trouble{Kind: validator.KindPort,
				What:   fmt.Sprintf("port %d is taken by another process", port),
				Remedy: "A demo that still runs is stopped by \"scrip demo stop\"; another base port is chosen with --port."}
		}
		if err != nil {
			return 0, fmt.Errorf("listen on port %d: %w", port, err)
		}
		held = append(held, l)
		return l.Addr().(*net.TCPAddr).Port, nil
	}
	for i := range n.cfg.Validators {
		if n.cfg.Places != nil {
			n.ports = append(n.ports, ports{placedAPIPort, placedPeersPort})
			continue
		}
		want := ports{}
		if n.cfg.BasePort != 0 {
			want = ports{n.cfg.BasePort + PortStep*i, n.cfg.BasePort + PortStep*i + 1}
		}
		api, err := take(want.api)
		if err != nil {
			return err
		}
		peers, err := take(want.peers)
		if err != nil {
			return err
		}
		n.ports = append(n.ports, ports{api, peers})
	}
	want := 0
	if n.cfg.BasePort != 0 {
		want = n.cfg.BasePort + deskOffset
	}
	n.desk, err = take(want)
	return err
}

// listenAt is where a port that browsers use listens: on loopback, or everywhere.
func (n *Network) listenAt(port int) string {
	if n.cfg.LAN == "" {
		return loopback(port)
	}
	return net.JoinHostPort("", strconv.Itoa(port))
}

// webAddress is a port as browsers reach it.
func (n *Network) webAddress(port int) string {
	if n.cfg.LAN == "" {
		return "http://" + loopback(port)
	}
	return "http://" + net.JoinHostPort(n.cfg.LAN, strconv.Itoa(port))
}

// Origins are the web origins at which pages of the network are opened.
func (n *Network) Origins() []string {
	hosts := []string{"127.0.0.1", "localhost"}
	if n.cfg.LAN != "" {
		hosts = append(hosts, n.cfg.LAN)
	}
	var all []string
	for _, p := range n.ports {
		for _, h := range hosts {
			all = append(all, "http://"+net.JoinHostPort(h, strconv.Itoa(p.api)))
		}
	}
	return all
}

// peersAt is where a validator listens for the others, and they find it.
func (n *Network) peersAt(i int) string { return n.at(i, n.ports[i].peers) }

// at is a port of a validator as this process reaches it.
func (n *Network) at(i, port int) string {
	if n.cfg.Places == nil {
		return loopback(port)
	}
	return net.JoinHostPort(n.cfg.Places[i].Host, strconv.Itoa(port))
}

// apiAt is where a validator listens for browsers and clients.
func (n *Network) apiAt(i int) string {
	if n.cfg.Places == nil {
		return n.listenAt(n.ports[i].api)
	}
	return n.at(i, n.ports[i].api)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// makeHome makes the home of a validator, unless it is there.
func (n *Network) makeHome(i int) error {
	home := n.Home(i)
	if err := validator.MakeHome(home); err != nil {
		return err
	}
	cfg, err := validator.LoadConfig(home, nil, n.flags(i))
	if err != nil {
		return err
	}
	key := cfg.Path(cfg.Key)
	if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
		if err := keys.SaveUnencrypted(key, n.dev.Validators[i]); err != nil {
			return err
		}
		if err := validator.WriteConfig(home, n.settings(i)); err != nil {
			return err
		}
	}
	_, err = cfg.Join(n.dev.Genesis.Raw)
	var t *validator.Trouble
	if errors.As(err, &t) && t.Kind == validator.KindExists {
		return nil
	}
	return err
}

// flags are the settings of a validator.
func (n *Network) flags(i int) map[string]string {
	peers, nodes := "", ""
	for j, p := range n.ports {
		peers += fmt.Sprintf("%d=%s,", j, n.peersAt(j))
		nodes += fmt.Sprintf("%d=%s,", j, n.webAddress(p.api))
	}
	flags := map[string]string{
		"listen-api": n.apiAt(i), "listen-peers": n.peersAt(i), "peers": peers,
		"web-nodes": nodes, "web-desks": n.DeskURL(), "api-origins": strings.Join(n.Origins(), ","),
		// Everybody here is one client address.
		"api-requests-per-second": "1000000",
	}
	for name, v := range n.cfg.Settings {
		flags[name] = v
	}
	return flags
}

// settings are the flags by the keys of the settings, for whoever starts a
// validator by hand.
func (n *Network) settings(i int) map[string]string {
	flags, set := n.flags(i), make(map[string]string)
	for _, s := range validator.Settings() {
		if v, ok := flags[s.Flag]; ok {
			set[s.Key] = v
		}
	}
	return set
}

// writeShared writes the genesis file and the keys of the people.
func (n *Network) writeShared() error {
	if n.resumed {
		return nil
	}
	for _, p := range n.People() {
		if err := keys.SaveUnencrypted(p.KeyPath, p.Secret); err != nil {
			return fmt.Errorf("write the key of %s: %w", p.Name, err)
		}
	}
	// The genesis file comes last: it says that the rest is there.
	if err := os.WriteFile(n.GenesisPath(), n.dev.Genesis.Raw, 0o600); err != nil {
		return fmt.Errorf("write the genesis file: %w", err)
	}
	return nil
}

// Resumed reports whether the network was there before.
func (n *Network) Resumed() bool { return n.resumed }

// Dev returns the chain with the secrets of all its members.
func (n *Network) Dev() *genesis.DevNetwork { return n.dev }

// Size returns the number of validators.
func (n *Network) Size() int { return n.cfg.Validators }

// Dir returns the folder of the network.
func (n *Network) Dir() string { return n.cfg.Dir }

// GenesisPath returns the path of the genesis file.
func (n *Network) GenesisPath() string { return filepath.Join(n.cfg.Dir, "genesis.json") }

// Home returns the home of a validator.
func (n *Network) Home(i int) string { return filepath.Join(n.cfg.Dir, fmt.Sprintf("validator-%d", i)) }

// LogPath returns the path of a validator's log.
func (n *Network) LogPath(i int) string { return filepath.Join(n.Home(i), "node.log") }

// URL returns the address of a validator's API.
func (n *Network) URL(i int) string { return "http://" + n.at(i, n.ports[i].api) }

// URLs returns the addresses of all APIs.
func (n *Network) URLs() []string {
	var all []string
	for i := range n.ports {
		all = append(all, n.URL(i))
	}
	return all
}

// WebURL returns the address of a validator's API and faces as browsers reach it, also
// those of other devices if the network is in the local one.
func (n *Network) WebURL(i int) string { return n.webAddress(n.ports[i].api) }

// DeskURL returns the address of the ticket desk that may run beside the validators,
// as browsers reach it, and DeskListen where it listens. The network does not run it.
func (n *Network) DeskURL() string { return n.webAddress(n.desk) }

// DeskListen returns the host and port on which the ticket desk is to listen.
func (n *Network) DeskListen() string { return n.listenAt(n.desk) }

// Start starts all validators.
func (n *Network) Start() error {
	for i := range n.cfg.Validators {
		if err := n.StartOne(i); err != nil {
			return errors.Join(err, n.Close())
		}
	}
	return nil
}

// readyPause is the time between two looks at the validators.
const readyPause = 25 * time.Millisecond

// WaitReady waits until every validator takes part and has executed the same
// blocks. report, if not nil, is told how many do. It fails as soon as a validator
// ends, with that validator's own words.
func (n *Network) WaitReady(ctx context.Context, report func(ready int)) error {
	clients := make([]*client.Client, n.cfg.Validators)
	for i := range clients {
		var err error
		if clients[i], err = client.New(n.dev.Genesis.Raw, []string{n.URL(i)}); err != nil {
			return err
		}
	}
	for {
		ready, err := n.countReady(ctx, clients)
		if err != nil {
			return err
		}
		if report != nil {
			report(ready)
		}
		if ready == n.cfg.Validators {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the validators (%d of %d are ready): %w", ready, n.cfg.Validators, ctx.Err())
		case <-time.After(readyPause):
		}
	}
}

// countReady counts the validators that take part and share the first block.
func (n *Network) countReady(ctx context.Context, clients []*client.Client) (ready int, err error) {
	var first [32]byte
	for i := range n.cfg.Validators {
		if err := n.ended(i); err != nil {
			return 0, err
		}
		s, err := clients[i].Status(ctx, 0)
		if err != nil || !s.Ready || s.Height < 1 || s.PeersUp < n.cfg.Validators-1 {
			continue
		}
		b, err := clients[i].Block(ctx, 1)
		if err != nil {
			continue
		}
		if ready > 0 && b.Digest != first {
			return 0, fmt.Errorf("validator %d has another first block than the others", i)
		}
		first = b.Digest
		ready++
	}
	return ready, nil
}

package validator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/keys"
)

// A validator may run a ticket desk of its own: posters then need no second program.
// The desk's key lies in the desk's folder, so that whoever loses one loses both: a
// key without its folder would give serials twice.

// deskKeyName is the file of the desk's key in its folder.
const deskKeyName = "ticket.key"

// deskPause is the time between two tries to follow the chain.
const deskPause = time.Second

func (c *Config) deskDir() string { return filepath.Join(c.Home, "desk") }

// deskKey reads the desk's key, or makes it in a folder that holds nothing yet. fresh
// says that no desk has begun there.
func (c *Config) deskKey() (secret keys.Secret, fresh bool, err error) {
	path := filepath.Join(c.deskDir(), deskKeyName)
	entries, err := os.ReadDir(c.deskDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return secret, false, troubleOf("look at the desk's folder", err)
	}
	if len(entries) == 0 {
		secret = keys.Generate(keys.Ticket)
		return secret, true, troubleOf("make the desk's key", keys.SaveUnencrypted(path, secret, c.Access()...))
	}
	if secret, err = keys.LoadKind(path, keys.Ticket, nil, c.Access()...); errors.Is(err, os.ErrNotExist) {
		return secret, false, &Trouble{Kind: KindMissing, What: "the desk's folder " + c.deskDir() + " holds no key",
			Remedy: "Bring the folder back whole, or move it away: a new desk begins, and new batches are committed for it."}
	}
	// A key alone is a desk that was interrupted before it began.
	return secret, len(entries) == 1, troubleOf("read the desk's key", err)
}

// openDesk opens the desk of the settings and its port, if there is to be one.
func (p *process) openDesk() (err error) {
	if p.cfg.ListenDesk == "" {
		return nil
	}
	secret, fresh, err := p.cfg.deskKey()
	if err != nil {
		return err
	}
	own := p.genesis.File.Committee.Validators[p.id].Member
	p.desk, err = desk.Open(desk.Config{Chain: p.genesis.Chain(), Secret: secret, Dir: p.cfg.deskDir(), New: fresh,
		Issuers: []uint16{own}})
	if err != nil {
		return troubleOf("open the ticket desk", err)
	}
	if p.deskPort, err = net.Listen("tcp", p.cfg.ListenDesk); err != nil {
		return listenTrouble(p.cfg.ListenDesk, "listen-desk", err)
	}
	return nil
}

// ownAddress is where this process reaches its own API.
func ownAddress(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port)
}

// runDesk serves tickets until ctx ends. Trouble of the desk is logged and ends no
// validator.
func (p *process) runDesk(ctx context.Context) error {
	log := p.opt.Logger.With("component", "desk")
	own := ownAddress(p.api)
	c, err := client.New(p.genesis.Raw, []string{own})
	if err != nil {
		return fmt.Errorf("follow the chain for the desk: %w", err)
	}
	origins := webOrigins(p.cfg.WebNodes, p.cfg.APIOrigins)
	if len(origins) == 0 {
		origins = []string{own}
	}
	server := desk.NewServer(p.desk, origins, desk.Limits{Proxies: p.proxies}, log)
	log.Info("a ticket desk is served", "address", p.deskPort.Addr().String(), "key", p.desk.Address())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx, p.deskPort) })
	g.Go(func() error {
		for ctx.Err() == nil {
			if err := p.desk.Follow(ctx, c, log); err != nil {
				log.Warn("the desk follows the chain again", "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(deskPause):
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		log.Error("the ticket desk has ended; the validator goes on", "err", err)
	}
	return nil
}

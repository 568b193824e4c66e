// Package desk is a ticket desk (rules 3.4): a server behind a poster that
// holds the ticket keys of batches and signs the next serial's ticket for the claim
// key that each caller brings. The claim key's secret never comes here, so a desk,
// or whoever reads along, can hand out tickets and cannot take coupons.
//
// A claim key gets one ticket, and the same one however often it asks: a caller who
// lost the answer asks again. A serial is given to one claim key, since two tickets
// of one serial would be evidence against the desk. Both hold across crashes: the
// assignment is on disk before the answer leaves.
//
// All keys of a desk follow from one secret. A console asks the desk for the key of
// a batch that is to be, and commits the batch with it; the desk sees that on the
// chain and serves the batch from then on. A batch may also be committed with the
// secret's own public key. So what a leaked secret can waste are the batches that
// were given to this desk, and nothing else; CampaignPause is the brake.
package desk

import (
	"bytes"
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// Limits of a desk.
const (
	// BatchesMax bounds the batches of a desk.
	BatchesMax = 1024
	// AllTicketsMax bounds the serials of all of them.
	AllTicketsMax = 4 << 20
)

// infoBatchKey derives the ticket key of a batch from a desk's secret.
const infoBatchKey = "scrip/desk-key/v1"

// Errors of a desk beside those of its logs.
var (
	// ErrRefused says that there is no ticket, whatever the reason.
	ErrRefused = errors.New("there is no ticket")
	// ErrNotOurs says that a batch is under another key.
	ErrNotOurs = errors.New("the batch is not under a key of this desk")
	// ErrIssuer says that a batch is of a member that the desk does not serve.
	ErrIssuer = errors.New("the desk does not serve this issuer")
	// ErrEnded says that the tickets of a batch are over.
	ErrEnded = errors.New("the tickets of the batch have ended")
	// ErrTooMany says that a desk serves as much as it may.
	ErrTooMany = errors.New("the desk serves as many tickets as it may")
	// ErrNew says that a folder holds no desk: it is either new or lost.
	ErrNew = errors.New("the folder holds no desk")
	// ErrForeign says that a folder is another desk's, or of another chain.
	ErrForeign = errors.New("the folder is of another desk")
)

// Batch is a batch that a desk serves.
type Batch struct {
	Campaign  uint32
	Issuer    uint16 // of the campaign
	Number    uint16
	First     uint32
	Count     uint32
	TicketKey [32]byte
	// Expires is when its tickets end, Unix milliseconds.
	Expires uint64
}

// Ticket is a signed ticket.
type Ticket struct {
	coupon.Ticket
	TicketKey [32]byte
	Signature [64]byte
}

// Config is what Open needs.
type Config struct {
	Chain  coupon.Chain
	Secret keys.Secret // of kind Ticket
	// Dir is the desk's own folder. Losing it while the secret lives on would give
	// serials twice: Open refuses an empty one unless New is set, by which somebody
	// says that the secret has served no batch yet.
	Dir string
	New bool
	// Issuers are the members whose batches are served; nil stands for all. Anybody
	// can commit a batch under a key that a desk has named, and so fill it.
	Issuers []uint16
	// FS is nil for the machine's.
	FS store.FS
}

// Desk gives out tickets. It is safe for concurrent use.
type Desk struct {
	cfg  Config
	lock io.Closer

	mu      sync.RWMutex // guards all below
	served  map[uint32][]*batchLog
	tickets uint64
	batches int
	closed  bool
}

// markName is the file that says whose folder it is.
const markName = "desk"

func (cfg *Config) mark() []byte {
	return fmt.Appendf(nil, "scrip desk v1\nchain: %x\nkey: %s\n", cfg.Chain.Digest, cfg.Secret.Address())
}

// Open opens a desk with the batches that it has served before.
func Open(cfg Config) (*Desk, error) {
	if cfg.FS == nil {
		cfg.FS = store.OS{}
	}
	if cfg.Secret.Kind != keys.Ticket {
		return nil, fmt.Errorf("open desk: a %s key signs no tickets", cfg.Secret.Kind)
	}
	d := &Desk{cfg: cfg, served: make(map[uint32][]*batchLog)}
	if err := cfg.FS.MkdirAll(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open desk: %w", err)
	}
	var err error
	if d.lock, err = cfg.FS.Lock(filepath.Join(cfg.Dir, "lock")); err != nil {
		return nil, fmt.Errorf("open desk: %w", err)
	}
	if err = d.checkMark(); err != nil {
		return nil, fmt.Errorf("open desk: %w", errors.Join(err, d.lock.Close()))
	}
	return d, nil
}

// checkMark finds out whose folder it is, or makes it this desk's.
func (d *Desk) checkMark() error {
	name, want := filepath.Join(d.cfg.Dir, markName), d.cfg.mark()
	f, err := d.cfg.FS.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if !d.cfg.New {
			return fmt.Errorf("%w: %s", ErrNew, d.cfg.Dir)
		}
		if f, err = rewrite(d.cfg.FS, d.cfg.Dir, name, want); err != nil {
			return err
		}
		return f.Close()
	}
	if err != nil {
		return err
	}
	have := make([]byte, len(want)+1)
	n, err := f.ReadAt(have, 0)
	if err = errors.Join(f.Close(), unlessEOF(err)); err != nil {
		return err
	}
	if !bytes.Equal(have[:n], want) {
		return fmt.Errorf("%w: %s", ErrForeign, d.cfg.Dir)
	}
	return nil
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Address returns the written form of the desk's own ticket key.
func (d *Desk) Address() string { return d.cfg.Secret.Address() }

// KeyFor returns the ticket key that a batch from a serial of a campaign on is to be
// committed with, the same one every time.
func (d *Desk) KeyFor(campaign, first uint32) [32]byte { return d.signer(campaign, first).Key }

func (d *Desk) signer(campaign, first uint32) coupon.Signer {
	info := wire.AppendUint32(wire.AppendUint32([]byte(infoBatchKey), campaign), first)
	seed, err := hkdf.Key(sha256.New, d.cfg.Secret.Seed[:], d.cfg.Chain.Digest[:], string(info), sig.SeedSize)
	if err != nil {
		panic("desk: derive a ticket key: " + err.Error()) // sizes are constants
	}
	return coupon.NewSigner([32]byte(seed))
}

// signerOf returns the signer of a batch's ticket key, if it is this desk's.
func (d *Desk) signerOf(b *Batch) (coupon.Signer, bool) {
	if s := d.signer(b.Campaign, b.First); s.Key == b.TicketKey {
		return s, true
	}
	s := coupon.NewSigner(d.cfg.Secret.Seed)
	return s, s.Key == b.TicketKey
}

// Serve begins to give out the tickets of a batch, at the time nowMs in Unix
// milliseconds. A batch that is served already stays as it is; those that have ended
// make room.
func (d *Desk) Serve(b Batch, nowMs uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fail := func(err error) error {
		return fmt.Errorf("serve batch %d of campaign %d: %w", b.Number, b.Campaign, err)
	}
	if _, ours := d.signerOf(&b); !ours {
		return fail(ErrNotOurs)
	}
	if d.cfg.Issuers != nil && !slices.Contains(d.cfg.Issuers, b.Issuer) {
		return fail(ErrIssuer)
	}
	if nowMs >= b.Expires {
		return fail(ErrEnded)
	}
	if err := d.forget(nowMs); err != nil {
		return fail(err)
	}
	all := d.served[b.Campaign]
	at, known := slices.BinarySearchFunc(all, b.Number, func(l *batchLog, n uint16) int {
		return cmp.Compare(l.batch.Number, n)
	})
	switch {
	case d.closed:
		return fail(ErrDisk)
	case known:
		return nil
	case b.Count == 0 || b.Count > TicketsMax || d.batches >= BatchesMax || d.tickets+uint64(b.Count) > AllTicketsMax:
		return fail(ErrTooMany)
	}
	l, err := openLog(d.cfg.FS, d.cfg.Dir, d.cfg.Chain.Digest, b)
	if err != nil {
		return fail(err)
	}
	d.served[b.Campaign] = slices.Insert(all, at, l)
	d.batches++
	d.tickets += uint64(b.Count)
	return nil
}

// forget leaves off the batches that have ended. Their logs stay on the disk. The
// caller holds mu.
func (d *Desk) forget(nowMs uint64) error {
	var errs []error
	for campaign, logs := range d.served {
		kept := logs[:0:0]
		for _, l := range logs {
			if nowMs < l.batch.Expires {
				kept = append(kept, l)
				continue
			}
			d.batches--
			d.tickets -= uint64(l.batch.Count)
			errs = append(errs, l.close())
		}
		if d.served[campaign] = kept; len(kept) == 0 {
			delete(d.served, campaign)
		}
	}
	return errors.Join(errs...)
}

// Batches returns what is served, by campaign and number.
func (d *Desk) Batches() []Batch {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := []Batch{}
	for _, logs := range d.served {
		for _, l := range logs {
			all = append(all, l.batch)
		}
	}
	slices.SortFunc(all, func(a, b Batch) int {
		return cmp.Or(cmp.Compare(a.Campaign, b.Campaign), cmp.Compare(a.Number, b.Number))
	})
	return all
}

// Left returns how many tickets of a campaign are left here.
func (d *Desk) Left(campaign uint32) (left uint64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, l := range d.served[campaign] {
		left += uint64(l.left())
	}
	return left
}

// Ticket returns the ticket of a claim key in a campaign: the one that it was given
// before, else the next one. It blocks on the disk. The error is ErrRefused whatever
// keeps a ticket from this key, or ErrDisk.
func (d *Desk) Ticket(campaign uint32, claimKey [32]byte, nowMs uint64) (Ticket, error) {
	d.mu.RLock()
	logs := slices.Clone(d.served[campaign])
	d.mu.RUnlock()
	if !sig.ValidKey(claimKey) {
		return Ticket{}, ErrRefused
	}
	for _, l := range logs {
		if serial, ok, err := l.serial(claimKey); err != nil || ok {
			return d.sign(&l.batch, serial, claimKey), err
		}
	}
	for _, l := range logs {
		if nowMs >= l.batch.Expires {
			continue
		}
		serial, err := l.assign(claimKey)
		if errors.Is(err, errExhausted) {
			continue
		}
		if err != nil {
			return Ticket{}, err
		}
		return d.sign(&l.batch, serial, claimKey), nil
	}
	return Ticket{}, ErrRefused
}

func (d *Desk) sign(b *Batch, serial uint32, claimKey [32]byte) Ticket {
	s, _ := d.signerOf(b)
	t := Ticket{TicketKey: b.TicketKey, Ticket: coupon.Ticket{Campaign: b.Campaign, Batch: b.Number, Serial: serial,
		ClaimKey: claimKey, Expires: b.Expires}}
	t.Signature = d.cfg.Chain.SignTicket(t.Ticket, s)
	return t
}

// Close ends the desk; what waits for the disk gets its answer.
func (d *Desk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	var errs []error
	for _, logs := range d.served {
		for _, l := range logs {
			errs = append(errs, l.close())
		}
	}
	if err := errors.Join(append(errs, d.lock.Close())...); err != nil {
		return fmt.Errorf("close desk: %w", err)
	}
	return nil
}

// Package purse is a holder's wallet on this machine: its secret in a file, one
// key per coupon derived from it (rules 3.12), and an index that remembers
// which key owns which coupon.
//
// The secret is a mnemonic in an encrypted file, or, where nobody could be asked
// for a passphrase, an unencrypted key file whose 32 bytes are the entropy of 24
// words; that file says so in its first line. The index holds no secret and can
// be lost: Scan finds the coupons again, used ones included, by comparing keys from
// the first on with the owners of a campaign's coupons, until keys.GapLimit in a row
// own nothing. What it cannot find again are keys whose coupons were given away, so
// that after a loss a later coupon may get a key that was used before: a loss of
// privacy, not of value.
//
// A key is noted in the index before anything is sent that names it, so that a
// crash cannot leave a coupon under a key that the index has forgotten. Commands
// that run at the same time wait for each other by a lock on the index.
package purse

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of an index.
const (
	indexBytesMax = 64 << 20
	// foundMax bounds the coupons that one scan takes over from one key.
	foundMax = 10_000
)

// indexFormat is the format of an index file.
const indexFormat = "scrip-purse/v1"

// ErrMissing says that there is no wallet of a name.
var ErrMissing = errors.New("no such wallet")

// ErrExists says that a wallet of the name is there; it is never overwritten.
var ErrExists = errors.New("there is a wallet of this name")

// Entry is a coupon that the wallet has, had, or expects.
type Entry struct {
	Coupon coupon.CouponID `json:"coupon,string"`
	// N is the number of its key within the campaign.
	N uint32 `json:"n"`
}

// index is the content of an index file.
type index struct {
	Format string `json:"format"`
	Chain  string `json:"chain"`
	// Next holds, by campaign, the first number of a key that was not given out.
	Next    map[uint32]uint32 `json:"next"`
	Coupons []Entry           `json:"coupons"`
}

// Purse is an open wallet on one chain. It is not safe for concurrent use; Close
// it to let other processes in.
type Purse struct {
	chain  coupon.Chain
	wallet keys.Wallet
	path   string // of the index
	lock   *os.File
	index  index
	// pretend leaves the file of the index as it is.
	pretend bool
}

// NameOK reports whether a name can be that of a wallet or key: 1 to 64 of
// letters, digits, "-", "_" and ".", beginning with a letter or digit.
func NameOK(name string) bool { return nameForm.MatchString(name) }

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Folder is where wallets lie. Both parts have mode 0700.
type Folder struct {
	// Phrases holds the encrypted phrases, NAME.phrase.
	Phrases string
	// Wallets holds the unencrypted wallets, NAME.key, and all indexes.
	Wallets string
}

// Paths of the two forms of a wallet's secret.
func (f Folder) phrasePath(name string) string { return filepath.Join(f.Phrases, name+".phrase") }
func (f Folder) keyPath(name string) string    { return filepath.Join(f.Wallets, name+".key") }

// Create makes a wallet of a mnemonic in a folder, encrypted with a passphrase.
func Create(folder Folder, name, mnemonic, passphrase string) error {
	if err := vacant(folder, name); err != nil {
		return err
	}
	if err := keys.SavePhrase(folder.phrasePath(name), mnemonic, passphrase); err != nil {
		return fmt.Errorf("create wallet %s: %w", name, err)
	}
	return nil
}

// CreateUnencrypted makes a wallet that opens without a passphrase. The mnemonic
// must have 24 words.
func CreateUnencrypted(folder Folder, name, mnemonic string) error {
	if err := vacant(folder, name); err != nil {
		return err
	}
	entropy, err := keys.EntropyFromMnemonic(mnemonic)
	if err != nil {
		return fmt.Errorf("create wallet %s: %w", name, err)
	}
	s := keys.Secret{Kind: keys.Holder}
	if len(entropy) != len(s.Seed) {
		return fmt.Errorf("create wallet %s: an unencrypted wallet has 24 words", name)
	}
	copy(s.Seed[:], entropy)
	if err := keys.SaveUnencrypted(folder.keyPath(name), s); err != nil {
		return fmt.Errorf("create wallet %s: %w", name, err)
	}
	return nil
}

// vacant reports as an error that a wallet's name cannot be taken.
func vacant(folder Folder, name string) error {
	if !NameOK(name) {
		return fmt.Errorf("create wallet: %q is no name: wanted letters, digits, \"-\", \"_\" and \".\"", name)
	}
	for _, path := range []string{folder.phrasePath(name), folder.keyPath(name)} {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("create wallet %s: %w", name, ErrExists)
		}
	}
	return nil
}

// List returns the names of the wallets in ascending order, and for each whether
// it is encrypted.
func List(folder Folder) (names []string, encrypted map[string]bool, err error) {
	encrypted = make(map[string]bool)
	for dir, ext := range map[string]string{folder.Phrases: ".phrase", folder.Wallets: ".key"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("list the wallets: %w", err)
		}
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), ext); ok && NameOK(name) {
				encrypted[name] = ext == ".phrase"
			}
		}
	}
	return slices.Sorted(maps.Keys(encrypted)), encrypted, nil
}

// Phrase returns the mnemonic of a wallet. ask is called for the passphrase of an
// encrypted one.
func Phrase(folder Folder, name string, ask keys.Ask) (string, error) {
	if !NameOK(name) {
		return "", fmt.Errorf("open wallet %q: %w", name, ErrMissing)
	}
	_, errPhrase := os.Lstat(folder.phrasePath(name))
	_, errKey := os.Lstat(folder.keyPath(name))
	switch {
	case errPhrase == nil:
		return keys.LoadPhrase(folder.phrasePath(name), ask)
	case errKey == nil:
		s, err := keys.LoadKind(folder.keyPath(name), keys.Holder, ask)
		if err != nil {
			return "", err
		}
		return keys.MnemonicFromEntropy(s.Seed[:])
	}
	return "", fmt.Errorf("open wallet %s: %w", name, ErrMissing)
}

// Open opens a wallet for a chain, and waits for other processes that have it
// open.
func Open(folder Folder, name string, chain coupon.Chain, ask keys.Ask) (*Purse, error) {
	mnemonic, err := Phrase(folder, name, ask)
	if err != nil {
		return nil, err
	}
	w, err := keys.NewWallet(mnemonic, "")
	if err != nil {
		return nil, fmt.Errorf("open wallet %s: %w", name, err)
	}
	p := &Purse{chain: chain, wallet: w, path: filepath.Join(folder.Wallets, fmt.Sprintf("%s.%08x.json", name,
		chain.Hint()))}
	if err := os.MkdirAll(folder.Wallets, 0o700); err != nil {
		return nil, fmt.Errorf("open wallet %s: %w", name, err)
	}
	if p.lock, err = lockFile(p.path + ".lock"); err != nil {
		return nil, fmt.Errorf("open wallet %s: %w", name, err)
	}
	if err := p.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("open wallet %s: %w", name, err), p.Close())
	}
	return p, nil
}

// Close lets other processes open the wallet.
func (p *Purse) Close() error {
	if err := p.lock.Close(); err != nil {
		return fmt.Errorf("close wallet: %w", err)
	}
	return nil
}

// Pretend makes everything that is noted from here on be forgotten when the wallet
// is closed: for one who only asks what would happen.
func (p *Purse) Pretend() { p.pretend = true }

// IsNew reports whether no index was there: Scan finds what the wallet has.
func (p *Purse) IsNew() bool { return len(p.index.Next) == 0 && len(p.index.Coupons) == 0 }

func (p *Purse) read() error {
	p.index = index{Format: indexFormat, Chain: fmt.Sprintf("%x", p.chain.Digest), Next: map[uint32]uint32{}}
	info, err := os.Stat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Size() > indexBytesMax {
		return fmt.Errorf("%s has %d bytes, an index has at most %d", p.path, info.Size(), indexBytesMax)
	}
	b, err := os.ReadFile(p.path)
	if err != nil {
		return err
	}
	var x index
	if err := json.Unmarshal(b, &x); err != nil || x.Format != indexFormat {
		return fmt.Errorf("%s is no index of a wallet: move it away, and the coupons are found again by a scan", p.path)
	}
	if x.Chain != p.index.Chain {
		return fmt.Errorf("%s is of another chain: move it away", p.path)
	}
	if x.Next == nil {
		x.Next = map[uint32]uint32{}
	}
	p.index = x
	return nil
}

// write replaces the index file in one step and makes it durable.
func (p *Purse) write() error {
	if p.pretend {
		return nil
	}
	b, err := json.MarshalIndent(&p.index, "", " ")
	if err != nil {
		return fmt.Errorf("write the wallet's index: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(p.path), ".index-*")
	if err != nil {
		return fmt.Errorf("write the wallet's index: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		return fmt.Errorf("write the wallet's index: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// Coupons returns what the index knows, by coupon in ascending order.
func (p *Purse) Coupons() []Entry {
	return slices.SortedFunc(slices.Values(p.index.Coupons), func(a, b Entry) int {
		if a.Coupon < b.Coupon {
			return -1
		}
		return 1
	})
}

// Key returns the n-th key of a campaign.
func (p *Purse) Key(campaign, n uint32) (keys.Secret, error) {
	s, err := p.wallet.Coupon(campaign, n)
	if err != nil {
		return s, fmt.Errorf("derive key %d of campaign %d: %w", n, campaign, err)
	}
	return s, nil
}

// Fresh gives out a key of a campaign that was not given out before, and notes
// that. A campaign with a cap per holder uses one key throughout.
func (p *Purse) Fresh(campaign uint32, capped bool) (keys.Secret, error) {
	s, _, err := p.next(campaign, capped)
	if err != nil {
		return s, err
	}
	return s, p.write()
}

// next is Fresh without the file; n is the number of the key.
func (p *Purse) next(campaign uint32, capped bool) (s keys.Secret, n uint32, err error) {
	if !capped {
		n = p.index.Next[campaign]
	}
	if s, err = p.Key(campaign, n); err == nil {
		p.index.Next[campaign] = max(p.index.Next[campaign], n+1)
	}
	return s, n, err
}

// Expect notes that a coupon is, or is going to be, owned by a key of the wallet,
// which gives one out for it if none was expected before. It is called before a
// transaction that moves the coupon there is sent.
func (p *Purse) Expect(id coupon.CouponID, capped bool) (keys.Secret, error) {
	if e, ok := p.entry(id); ok {
		return p.Key(id.Campaign(), e.N)
	}
	s, n, err := p.next(id.Campaign(), capped)
	if err != nil {
		return s, err
	}
	p.index.Coupons = append(p.index.Coupons, Entry{id, n})
	return s, p.write()
}

func (p *Purse) entry(id coupon.CouponID) (Entry, bool) {
	for _, e := range p.index.Coupons {
		if e.Coupon == id {
			return e, true
		}
	}
	return Entry{}, false
}

// Owner returns the wallet's key that equals the owner of a coupon, looking among
// the keys given out and keys.GapLimit further ones.
func (p *Purse) Owner(id coupon.CouponID, owner [32]byte) (s keys.Secret, ok bool, err error) {
	campaign := id.Campaign()
	if e, known := p.entry(id); known {
		if s, err = p.Key(campaign, e.N); err != nil || s.Public() == owner {
			return s, err == nil, err
		}
	}
	for n := range p.index.Next[campaign] + keys.GapLimit {
		if s, err = p.Key(campaign, n); err != nil {
			return s, false, err
		}
		if s.Public() == owner {
			return s, true, p.note(id, n)
		}
	}
	return keys.Secret{}, false, nil
}

// note puts a coupon under its key in the index.
func (p *Purse) note(id coupon.CouponID, n uint32) error {
	p.place(id, n)
	return p.write()
}

// place is note without the file; fresh says that the coupon was not known.
func (p *Purse) place(id coupon.CouponID, n uint32) (fresh bool) {
	p.index.Next[id.Campaign()] = max(p.index.Next[id.Campaign()], n+1)
	for i, e := range p.index.Coupons {
		if e.Coupon == id {
			p.index.Coupons[i].N = n
			return false
		}
	}
	p.index.Coupons = append(p.index.Coupons, Entry{id, n})
	return true
}

// GiftSeed returns the seed of the link of a gift that is offered from seq on.
func (p *Purse) GiftSeed(id coupon.CouponID, seq uint32) [16]byte {
	secret := p.wallet.Secret()
	return p.chain.GiftSeed(secret[:], id, seq)
}

// infoClaimSeed derives the claim keys with which a wallet asks ticket desks.
const infoClaimSeed = "scrip/desk-claim/v1"

// ClaimSeed returns the seed of the claim key with which the wallet asks a desk for
// a ticket of a campaign. It is the same one until a key of the campaign is given
// out, so an answer that was lost is asked for again and not asked for anew.
func (p *Purse) ClaimSeed(campaign uint32) [32]byte {
	secret := p.wallet.Secret()
	info := wire.AppendUint32(wire.AppendUint32([]byte(infoClaimSeed), campaign), p.index.Next[campaign])
	seed, err := hkdf.Key(sha256.New, secret[:], p.chain.Digest[:], string(info), 32)
	if err != nil {
		panic("purse: derive a claim key: " + err.Error()) // sizes are constants
	}
	return [32]byte(seed)
}

package purse

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

var testChain = coupon.Chain{Digest: [32]byte{1, 2, 3, 4, 5}}

func open(t *testing.T, folder Folder) *Purse {
	t.Helper()
	p, err := Open(folder, "bo", testChain, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func testFolder(t *testing.T) Folder {
	home := t.TempDir()
	return Folder{Phrases: filepath.Join(home, "keys"), Wallets: filepath.Join(home, "wallets")}
}

func newWallet(t *testing.T) (folder Folder, mnemonic string) {
	t.Helper()
	folder = testFolder(t)
	mnemonic, err := keys.NewMnemonic(24)
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateUnencrypted(folder, "bo", mnemonic); err != nil {
		t.Fatal(err)
	}
	return folder, mnemonic
}

func TestAWalletGivesTheSamePhraseBackAndIsNeverOverwritten(t *testing.T) {
	folder, mnemonic := newWallet(t)
	got, err := Phrase(folder, "bo", nil)
	if err != nil || got != mnemonic {
		t.Fatalf("phrase %q, %v", got, err)
	}
	if err := CreateUnencrypted(folder, "bo", mnemonic); !errors.Is(err, ErrExists) {
		t.Errorf("made twice: %v", err)
	}
	if err := Create(folder, "bo", mnemonic, "a long passphrase"); !errors.Is(err, ErrExists) {
		t.Errorf("made in the other form: %v", err)
	}
	if _, err := Phrase(folder, "cy", nil); !errors.Is(err, ErrMissing) {
		t.Errorf("an unknown wallet: %v", err)
	}
	if _, err := Phrase(folder, "../wallets/bo", nil); !errors.Is(err, ErrMissing) {
		t.Errorf("a path for a name: %v", err)
	}
}

func TestAnEncryptedWalletNeedsItsPassphrase(t *testing.T) {
	if testing.Short() {
		t.Skip("scrypt takes about a second")
	}
	folder := testFolder(t)
	mnemonic, _ := keys.NewMnemonic(12)
	if err := Create(folder, "bo", mnemonic, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder, "bo", testChain, func() (string, error) {
		return "wrong horse battery",
			nil
	}); !errors.Is(err, keys.ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	p, err := Open(folder, "bo", testChain, func() (string, error) { return "correct horse battery", nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	names, encrypted, err := List(folder)
	if err != nil || len(names) != 1 || names[0] != "bo" || !encrypted["bo"] {
		t.Errorf("list %v %v, %v", names, encrypted, err)
	}
}

func TestEachCouponHasItsOwnKeyUnlessTheCampaignIsCapped(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	a, _ := p.Expect(coupon.NewCouponID(7, 1), false)
	b, _ := p.Expect(coupon.NewCouponID(7, 2), false)
	again, _ := p.Expect(coupon.NewCouponID(7, 1), false)
	if a.Public() == b.Public() || a.Public() != again.Public() {
		t.Error("keys of two coupons are equal, or those of one differ")
	}
	c, _ := p.Expect(coupon.NewCouponID(8, 1), true)
	d, _ := p.Expect(coupon.NewCouponID(8, 2), true)
	if c.Public() != d.Public() {
		t.Error("a capped campaign used two keys")
	}
}

func TestTheIndexIsOnDiskBeforeTheKeyIsUsed(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	s, err := p.Expect(coupon.NewCouponID(7, 9), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.lock.Close(); err != nil { // as after a crash: nothing else is written
		t.Fatal(err)
	}
	q, err := Open(folder, "bo", testChain, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	got, ok, err := q.Owner(coupon.NewCouponID(7, 9), s.Public())
	if err != nil || !ok || got.Public() != s.Public() {
		t.Errorf("owner %v, %v", ok, err)
	}
	if fresh, _ := q.Fresh(7, false); fresh.Public() == s.Public() {
		t.Error("the key was given out twice")
	}
}

func TestWhatAWalletOnlyPretendsIsNotOnDisk(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	p.Pretend()
	want, err := p.Expect(coupon.NewCouponID(7, 9), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, folder)
	if !again.IsNew() {
		t.Errorf("the index holds %v", again.Coupons())
	}
	if got, err := again.Expect(coupon.NewCouponID(7, 10), false); err != nil || got.Public() != want.Public() {
		t.Errorf("the key was given out: %v", err)
	}
}

// ledger is a ledger with the owners of coupons.
type ledger struct {
	owners map[coupon.CouponID][32]byte
	asked  []coupon.CouponID
	fail   coupon.CouponID
}

func (l *ledger) HolderMarks(_ context.Context, campaign uint32) (marks []client.HolderMark, err error) {
	for id, owner := range l.owners {
		if id.Campaign() == campaign {
			marks = append(marks, client.HolderMark{Serial: id.Serial(), Mark: [4]byte(owner[:4])})
		}
	}
	return marks, nil
}

func (l *ledger) Coupon(_ context.Context, id coupon.CouponID) (*client.Coupon, error) {
	l.asked = append(l.asked, id)
	if id == l.fail {
		return nil, errors.New("no node answers")
	}
	c := &client.Coupon{ID: id}
	c.Owner = l.owners[id]
	return c, nil
}

// own gives the n-th key of the coupon's campaign a coupon.
func (l *ledger) own(t *testing.T, p *Purse, id coupon.CouponID, n uint32) {
	t.Helper()
	s, err := p.Key(id.Campaign(), n)
	if err != nil {
		t.Fatal(err)
	}
	l.owners[id] = s.Public()
}

func scan(t *testing.T, p *Purse, l *ledger, gap uint32) int {
	t.Helper()
	x, err := p.Scan(t.Context(), l, []uint32{7, 8}, gap)
	if err != nil {
		t.Fatal(err)
	}
	return x.Found
}

// What the words own is found whatever lies before it: keys whose coupons were given
// away, of claims that failed, of addresses that nobody used.
func TestALostIndexIsFoundAgainByAScan(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	l := &ledger{owners: map[coupon.CouponID][32]byte{coupon.NewCouponID(7, 9): {1}, coupon.NewCouponID(8, 9): {2}}}
	gap := uint32(keys.GapLimit)
	l.own(t, p, coupon.NewCouponID(7, 1), gap-1)   // the last of the first gap
	l.own(t, p, coupon.NewCouponID(7, 2), 2*gap-1) // the last of the next
	l.own(t, p, coupon.NewCouponID(7, 3), 3*gap)   // behind it
	l.own(t, p, coupon.NewCouponID(8, 4), gap)     // of another campaign, behind the first
	if found := scan(t, p, l, gap); found != 2 {
		t.Fatalf("found %d, wanted the 2 within the gaps", found)
	}
	if got := p.Coupons(); len(got) != 2 || got[0].N != gap-1 || got[1].N != 2*gap-1 {
		t.Errorf("coupons %v", got)
	}
	if found := scan(t, p, l, gap); found != 0 {
		t.Errorf("found %d again", found)
	}
	if found := scan(t, p, l, keys.GapLimitFar); found != 2 {
		t.Errorf("looking further found %d, wanted the other 2", found)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	q := open(t, folder)
	if got := q.Coupons(); len(got) != 4 {
		t.Errorf("on disk are %v", got)
	}
	if fresh, _ := q.Fresh(7, false); fresh.Public() == l.owners[coupon.NewCouponID(7, 3)] {
		t.Error("a key that was found was given out again")
	}
}

func TestAScanLooksBehindTheKeysThatWereGivenOut(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	for range 30 {
		if _, err := p.Fresh(7, false); err != nil {
			t.Fatal(err)
		}
	}
	l := &ledger{owners: map[coupon.CouponID][32]byte{}}
	l.own(t, p, coupon.NewCouponID(7, 1), 30+4)
	if found := scan(t, p, l, 5); found != 1 {
		t.Errorf("found %d", found)
	}
}

// Another's key may begin as one of the wallet's does: the proven owner decides.
func TestAScanTakesNothingForItsOwnThatOtherKeysOwn(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	s, err := p.Key(7, 3)
	if err != nil {
		t.Fatal(err)
	}
	alike := s.Public()
	alike[31] ^= 1
	l := &ledger{owners: map[coupon.CouponID][32]byte{coupon.NewCouponID(7, 1): alike}}
	if found := scan(t, p, l, keys.GapLimit); found != 0 || len(p.Coupons()) != 0 || len(l.asked) != 1 {
		t.Errorf("found %d: %v, asked for %v", found, p.Coupons(), l.asked)
	}
}

func TestWhatAScanFoundBeforeItFailedIsKept(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	l := &ledger{owners: map[coupon.CouponID][32]byte{}, fail: coupon.NewCouponID(7, 2)}
	l.own(t, p, coupon.NewCouponID(7, 1), 0)
	l.own(t, p, coupon.NewCouponID(7, 2), 1)
	if _, err := p.Scan(t.Context(), l, []uint32{7}, keys.GapLimit); err == nil {
		t.Fatal("a scan that failed ended well")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, folder).Coupons(); len(got) != 1 {
		t.Errorf("on disk are %v", got)
	}
}

func TestADamagedIndexIsRefusedWithTheRemedy(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	if _, err := p.Fresh(1, false); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder, "bo", testChain, nil); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("opened: %v", err)
	}
	other := testChain
	other.Digest[31] = 9
	if err := os.WriteFile(p.path, []byte(`{"format":"scrip-purse/v1","chain":"00"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder, "bo", other, nil); err == nil || !strings.Contains(err.Error(), "another chain") {
		t.Errorf("opened: %v", err)
	}
}

package purse

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

func TestALostIndexIsFoundAgainByScanning(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	held := map[[32]byte][]coupon.CouponID{}
	var asked int
	list := func(_ context.Context, owner [32]byte) ([]coupon.CouponID, error) {
		asked++
		return held[owner], nil
	}
	// The first after a gap of 19, the second after a further one: both are found.
	for n, serial := range map[uint32]uint32{19: 1, 39: 2, 60: 3} {
		s, err := p.Key(7, n)
		if err != nil {
			t.Fatal(err)
		}
		held[s.Public()] = []coupon.CouponID{coupon.NewCouponID(7, serial)}
	}
	found, err := p.Scan(t.Context(), []uint32{7, 8}, list)
	if err != nil || found != 2 {
		t.Fatalf("found %d, %v, wanted the 2 within the gap", found, err)
	}
	if asked != 60+keys.GapLimit {
		t.Errorf("asked %d times", asked)
	}
	if got := p.Coupons(); len(got) != 2 || got[0].N != 19 || got[1].N != 39 {
		t.Errorf("coupons %v", got)
	}
	if found, _ = p.Scan(t.Context(), []uint32{7}, list); found != 0 {
		t.Errorf("found %d again", found)
	}
}

func TestAScanTakesNothingForItsOwnThatOtherKeysCouldOwn(t *testing.T) {
	folder, _ := newWallet(t)
	p := open(t, folder)
	list := func(context.Context, [32]byte) ([]coupon.CouponID, error) {
		return []coupon.CouponID{coupon.NewCouponID(9, 1)}, nil // of no campaign that was asked for
	}
	if found, err := p.Scan(t.Context(), []uint32{7}, list); found != 0 || err != nil {
		t.Errorf("found %d, %v", found, err)
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

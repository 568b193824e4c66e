package keys

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"io"
)

// hardened is the bit that SLIP-0010 sets in every index of an ed25519 path.
const hardened = 1 << 31

// node is a point in a SLIP-0010 tree: a private seed and its chain code.
type node struct {
	seed  [32]byte
	chain [32]byte
}

// masterNode returns the root of the ed25519 tree over a seed.
func masterNode(seed []byte) node {
	return nodeFromMAC([]byte("ed25519 seed"), seed)
}

// child returns the hardened child of n. index must be below 2^31.
func (n node) child(index uint32) node {
	data := make([]byte, 0, 1+32+4)
	data = append(data, 0)
	data = append(data, n.seed[:]...)
	data = binary.BigEndian.AppendUint32(data, index|hardened)
	return nodeFromMAC(n.chain[:], data)
}

// nodeFromMAC splits the 64 bytes of HMAC-SHA-512.
func nodeFromMAC(key, data []byte) (n node) {
	mac := hmac.New(sha512.New, key)
	mac.Write(data)
	sum := mac.Sum(nil)
	copy(n.seed[:], sum[:32])
	copy(n.chain[:], sum[32:])
	return n
}

// walletPurpose is the first step of every Scrip path. It is no registered BIP-43
// purpose, so a seed that is also used elsewhere shares no key with Scrip.
const walletPurpose = 7273

// walletSecretRole is the second step of the path of Wallet.Secret; the roles
// of keys are their Kinds.
const walletSecretRole = 255

// Wallet derives all keys of one mnemonic. It holds the secret of all of them.
// The zero value is not a wallet.
type Wallet struct{ root node }

// NewWallet returns the wallet of a mnemonic and BIP-39 passphrase ("" for none).
func NewWallet(mnemonic, passphrase string) (Wallet, error) {
	seed, err := SeedFromMnemonic(mnemonic, passphrase)
	if err != nil {
		return Wallet{}, err
	}
	return Wallet{root: masterNode(seed[:]).child(walletPurpose)}, nil
}

// String hides the wallet's secret.
func (Wallet) String() string { return "wallet (secret)" }

// Format prints String under every verb, so that no %x or %d shows the secret.
func (w Wallet) Format(f fmt.State, _ rune) { io.WriteString(f, w.String()) }

// Coupon returns the holder key for the n-th coupon of a campaign, at
// m/7273'/0'/campaign'/n', n counting from 0. A wallet uses a new n for each
// coupon, so that its coupons cannot be linked on the chain, and finds them again
// by trying n upwards until GapLimit keys in a row own nothing. A campaign
// with a cap per holder uses n = 0 throughout (rules 3.12).
func (w Wallet) Coupon(campaign, n uint32) (Secret, error) {
	return w.Key(Holder, campaign, n)
}

// How many keys in a row that own nothing end a wallet's look through a campaign. A
// used coupon still belongs to its key: only coupons given away, claims that failed
// and addresses that nobody used leave gaps.
const (
	GapLimit = 200
	// GapLimitFar is for a look that a person asks for, since something is missing.
	GapLimitFar = 2000
)

// Key returns the key of a kind at m/7273'/kind'/group'/n'. For a holder, group
// is the campaign; for the keys of an organisation it is the member's number.
// Both must be below 2^31.
func (w Wallet) Key(kind Kind, group, n uint32) (Secret, error) {
	if group >= hardened || n >= hardened {
		return Secret{}, fmt.Errorf("derive a %s key: %d/%d, each must be below 2^31", kind, group, n)
	}
	return Secret{Kind: kind, Seed: w.root.child(uint32(kind)).child(group).child(n).seed}, nil
}

// Secret returns the 32 bytes from which the wallet's gift seeds follow by
// coupon.Chain.GiftSeed, at m/7273'/255': so a gift can be taken back after the
// phone was lost.
func (w Wallet) Secret() [32]byte { return w.root.child(walletSecretRole).seed }

// publicKey returns the public half of a private ed25519 seed.
func publicKey(seed [32]byte) [32]byte {
	private := ed25519.NewKeyFromSeed(seed[:])
	return [32]byte(private[32:])
}

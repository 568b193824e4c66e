package pbfttest

import (
	"encoding/binary"
	"math/bits"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// signer signs as one member; verification is the cluster's Scheme.
type signer func(message []byte) pbft.Signature

// stubScheme is a keyed hash in place of a signature: the signature of a message
// is a function of the public key. No adversary of this package computes the
// signature of an honest member, so it stands for an unforgeable one at a
// hundredth of the price.
type stubScheme struct{}

func stubSignature(key *pbft.PublicKey, message []byte) (s pbft.Signature) {
	const k0, k1 = 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f
	a := binary.LittleEndian.Uint64(key[:]) ^ uint64(len(message))*k0
	b := binary.LittleEndian.Uint64(key[8:]) ^ k1
	for len(message) >= 8 {
		hi, lo := bits.Mul64(a^binary.LittleEndian.Uint64(message), k0)
		a, b = lo^b, bits.RotateLeft64(b, 29)^hi*k1
		message = message[8:]
	}
	for _, x := range message {
		hi, lo := bits.Mul64(a^uint64(x), k1)
		a, b = lo^b, bits.RotateLeft64(b, 29)^hi*k0
	}
	hi, lo := bits.Mul64(a^b, k0)
	binary.LittleEndian.PutUint64(s[:], lo)
	binary.LittleEndian.PutUint64(s[8:], hi^a)
	binary.LittleEndian.PutUint64(s[16:], b)
	return s
}

// Verify implements pbft.Scheme.
func (stubScheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	return s == stubSignature(&key, message)
}

// VerifyBatch implements pbft.Scheme.
func (x stubScheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], sigs[i]) {
			return false
		}
	}
	return true
}

// ed25519Scheme is the real thing.
type ed25519Scheme struct{}

// Verify implements pbft.Scheme.
func (ed25519Scheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	return sig.Verify((*[32]byte)(&key), message, (*[64]byte)(&s))
}

// VerifyBatch implements pbft.Scheme.
func (x ed25519Scheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], sigs[i]) {
			return false
		}
	}
	return true
}

// keyring makes the keys of n members, the same on every call.
func keyring(n int, real bool) ([]pbft.PublicKey, []signer, pbft.Scheme) {
	keys, signers := make([]pbft.PublicKey, n), make([]signer, n)
	for i := range keys {
		if !real {
			binary.LittleEndian.PutUint64(keys[i][:], uint64(i+1)*0x9e3779b97f4a7c15)
			binary.LittleEndian.PutUint64(keys[i][8:], uint64(i+1)*0xff51afd7ed558ccd)
			key := keys[i]
			signers[i] = func(message []byte) pbft.Signature { return stubSignature(&key, message) }
			continue
		}
		private := sig.NewKeyFromSeed([sig.SeedSize]byte{byte(i), byte(i >> 8), 0x5c})
		keys[i] = private.Public()
		signers[i] = func(message []byte) pbft.Signature { return private.Sign(message) }
	}
	if real {
		return keys, signers, ed25519Scheme{}
	}
	return keys, signers, stubScheme{}
}

package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret is a private key with what it is for. Formatting or logging a Secret
// shows its public half only.
type Secret struct {
	// Kind says what the key is for.
	Kind Kind
	// Seed is the private ed25519 seed of RFC 8032.
	Seed [32]byte
}

// Generate returns a fresh key from the system's random source.
func Generate(kind Kind) Secret {
	s := Secret{Kind: kind}
	rand.Read(s.Seed[:])
	return s
}

// Public returns the public key.
func (s Secret) Public() [32]byte { return publicKey(s.Seed) }

// Private returns the key in the form of crypto/ed25519.
func (s Secret) Private() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(s.Seed[:]) }

// Address returns the written form of the public key.
func (s Secret) Address() string { return Encode(s.Kind, s.Public()) }

// String returns the kind and the public key.
func (s Secret) String() string { return s.Kind.String() + " key " + s.Address() }

// Format prints String under every verb, so that no %x or %d shows the secret.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText refuses: a secret key goes into a key file and nowhere else.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("a secret key is not to be written as text; use keys.Save")
}

// The body of a key file is these lines, in this order:
//
//	scrip key file v1
//	kind: validator
//	public: scripvalidator1...
//	secret: scripsecret1...
//
// The public line lets a person see which key a file holds, and lets Load see
// that the file is whole.
const bodyTitle = "scrip key file v1"

// body returns the lines of a key file.
func (s Secret) body() string {
	return fmt.Sprintf("%s\nkind: %s\npublic: %s\nsecret: %s\n",
		bodyTitle, s.Kind, s.Address(), bech32mEncode(secretPrefix, toBase32(s.Seed[:])))
}

// parseBody is the inverse of body. Its errors never repeat a secret.
func parseBody(text string) (Secret, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 4 || lines[0] != bodyTitle {
		return Secret{}, fmt.Errorf("not a key file: %q and three more lines are wanted", bodyTitle)
	}
	var fields [3]string
	for i, name := range []string{"kind: ", "public: ", "secret: "} {
		value, ok := strings.CutPrefix(lines[i+1], name)
		if !ok {
			return Secret{}, fmt.Errorf("key file: line %d must begin with %q", i+2, name)
		}
		fields[i] = value
	}
	kind, err := ParseKind(fields[0])
	if err != nil {
		return Secret{}, fmt.Errorf("key file: %w", err)
	}
	public, err := Decode(kind, fields[1])
	if err != nil {
		return Secret{}, fmt.Errorf("key file: %w", err)
	}
	prefix, values, err := bech32mDecode(fields[2])
	if err != nil {
		return Secret{}, fmt.Errorf("key file: the secret: %w", err)
	}
	seed, err := fromBase32(values)
	if err != nil || prefix != secretPrefix || len(seed) != 32 {
		return Secret{}, errors.New("key file: the secret is not a secret key")
	}
	s := Secret{Kind: kind, Seed: [32]byte(seed)}
	if s.Public() != public {
		return Secret{}, errors.New("key file: the secret does not belong to the public key: the file was changed")
	}
	return s, nil
}

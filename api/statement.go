package api

import (
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/node"
)

// NonceInput asks for a signed statement beside the answer.
type NonceInput struct {
	Nonce string `query:"nonce" pattern:"^[0-9a-f]{64}$" doc:"64 hexadecimal digits, fresh: the node signs its answer"`
}

// sign signs what the node says of a subject, zero for none, to who sent the nonce.
// at is the status from before the node looked: what it has found is true of that
// height, and of later ones perhaps not. Without a nonce, or a key, there is none.
func (s *Server) sign(in NonceInput, at node.Status, subject [32]byte, says uint16) []byte {
	nonce, err := client.ParseHash(in.Nonce)
	if err != nil || s.config.Sign == nil {
		return nil
	}
	x := client.Statement{Replica: uint16(at.Self), Height: at.Height, TimeMs: at.TimeMs, Subject: subject, Says: says,
		Nonce: nonce}
	x.Sign(s.genesis.Chain(), s.config.Sign)
	return x.Encode()
}

package hooks

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// BodyBytesMax bounds the body of a message, as the scheme of the signature advises.
const BodyBytesMax = 20 << 10

// Message is an event as it is delivered: the same bytes at every attempt, from whichever
// process.
type Message struct {
	// ID names the message everywhere: it is made of the chain's digest and the event's id.
	ID    string
	Event client.EventID
	Type  string
	Body  []byte

	subject  string // messages of one subject are delivered in order
	campaign uint32
	till     string
}

// body is a message's body: an event as nodes show it, in the form of CloudEvents 1.0, with
// the time under the name by which Standard Webhooks knows it, too.
type body struct {
	client.EventAnswer
	Timestamp string `json:"timestamp"`
}

// idPrefix begins the ids of all messages of a chain.
func idPrefix(digest [32]byte) string { return "scrip-" + hex.EncodeToString(digest[:4]) + "-" }

// messageID returns the id of the message of an event. It has no full stop, since the
// signature puts one behind it.
func messageID(digest [32]byte, e client.EventID) string {
	return idPrefix(digest) + strings.ReplaceAll(e.String(), ".", "-")
}

// ParseID reads the id of an event, such as 12.3.0, or that of its message on the chain.
func ParseID(digest [32]byte, text string) (client.EventID, error) {
	if own, ok := strings.CutPrefix(text, idPrefix(digest)); ok {
		text = strings.ReplaceAll(own, "-", ".")
	}
	id, err := client.ParseEventID(text)
	if err != nil || strings.Count(text, ".") != 2 {
		return id, fmt.Errorf("%.60q is no event of this chain, such as 12.3.0", text)
	}
	return id, nil
}

func encodeBody(a *client.EventAnswer) ([]byte, error) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	err := to.Encode(body{*a, a.Time})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// newMessage returns the message of an event. It has no proof where that would make it
// larger than BodyBytesMax.
func newMessage(digest [32]byte, e *client.Event) (Message, error) {
	a := client.EventAnswerOf(digest, e)
	text, err := encodeBody(&a)
	if err == nil && len(text) > BodyBytesMax { // so many members attest it
		a.Data.Proof, a.Data.Header = nil, nil
		text, err = encodeBody(&a)
	}
	if err != nil {
		return Message{}, fmt.Errorf("write event %s: %w", a.ID, err)
	}
	if len(text) > BodyBytesMax {
		return Message{}, fmt.Errorf("write event %s: %d bytes, at most %d", a.ID, len(text), BodyBytesMax)
	}
	m := Message{ID: messageID(digest, e.ID), Event: e.ID, Type: a.Type, Body: text, subject: a.Subject,
		campaign: e.Outcome.Campaign, till: a.Data.Till}
	if e.Outcome.Coupon != 0 {
		m.campaign = e.Outcome.Coupon.Campaign()
	}
	if e.Outcome.States(coupon.PartTill) {
		m.till = keys.Encode(keys.Till, e.Outcome.TillKey)
	}
	return m, nil
}

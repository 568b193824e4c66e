// Package gateway keeps, for a short while and in memory alone, what two devices
// next to each other have to pass on and cannot scan: signed authorisations under a
// short code that a cashier can type or under the id of a bundle (rules 3.5),
// and sealed boxes in which a new till answers its merchant.
//
// A code is a pointer and never an authority: it leads to what the holder has signed,
// and the chain decides what that is worth. It leads there for tills alone, until the
// authorisation is over. A code follows from the signed bytes, so each node of a
// chain gives the same one without talking to the others, and a wallet hands its
// bytes to all of them.
//
// Who wants to fill the memory needs coupons: the caller of Put has checked that
// each authorisation is its owner's and of the coupon's present state, and a coupon
// has few codes at a time. Who wants to guess needs a registered till, has 45 bits
// against him, and a few tries.
package gateway

import (
	"container/heap"
	"errors"
	"sync"
	"time"

	"github.com/scrip-network/scrip/coupon"
)

// Limits of a Codes and a Boxes.
const (
	// AuthsMax bounds the authorisations of one bundle.
	AuthsMax = 16
	// CodesMax bounds the bundles that are kept.
	CodesMax = 1 << 15
	// CouponCodesMax bounds the bundles that name one coupon: a wallet signs anew
	// every 30 s, and what it signed before is still good.
	CouponCodesMax = 4
	// Life is the longest that a bundle is kept.
	Life = 2 * time.Minute
)

// Errors of Put and Get.
var (
	// ErrForm says that something is not a list of SHOW authorisations.
	ErrForm = errors.New("not one to 16 shown authorisations of different coupons")
	// ErrExpired says that an authorisation is over, or signed for too long.
	ErrExpired = errors.New("an authorisation is over, or lasts too long")
	// ErrFull says that as much is kept as may be.
	ErrFull = errors.New("as many codes are kept as may be")
	// ErrNone says that nothing is kept under a name, for this till.
	ErrNone = errors.New("there is no such code")
)

// Entry is what is kept under a code.
type Entry struct {
	Name Name
	// Auths are encoded payloads, each in mode SHOW.
	Auths [][]byte
	// Expires is when the last one is over, or the bundle forgotten.
	Expires time.Time

	merchants []uint16 // whom each authorisation names; 0 = any
	coupons   []coupon.CouponID
}

// Codes holds bundles by their names. It is safe for concurrent use.
type Codes struct {
	chain coupon.Chain

	mu       sync.Mutex // guards all below
	byCode   map[uint64]*Entry
	byBundle map[[BundleSize]byte]*Entry
	coupons  map[coupon.CouponID]int // how many bundles name it
	queue    entryQueue              // by expiry
}

// NewCodes returns an empty store for a chain.
func NewCodes(c coupon.Chain) *Codes {
	return &Codes{chain: c, byCode: make(map[uint64]*Entry), byBundle: make(map[[BundleSize]byte]*Entry),
		coupons: make(map[coupon.CouponID]int)}
}

// Read decodes the authorisations of a bundle and checks what can be checked without
// a state. Their signatures, coupons and owners are the caller's to check.
func (c *Codes) Read(auths [][]byte, now time.Time) ([]coupon.Payload, error) {
	if len(auths) == 0 || len(auths) > AuthsMax {
		return nil, ErrForm
	}
	var all []coupon.Payload
	seen := make(map[coupon.CouponID]bool)
	for _, raw := range auths {
		p, err := c.chain.DecodePayload(raw)
		if err != nil || p.Type != coupon.PayloadAuth || p.Auth.Mode != coupon.ModeShow || seen[p.Auth.Coupon] {
			return nil, ErrForm
		}
		seen[p.Auth.Coupon] = true
		if ms := uint64(now.UnixMilli()); ms >= p.Auth.Expires || p.Auth.Expires-ms > uint64(Life.Milliseconds()) {
			return nil, ErrExpired
		}
		all = append(all, p)
	}
	return all, nil
}

// Put keeps a bundle that Read has decoded, until its last authorisation is over.
// The same bundle again changes nothing.
func (c *Codes) Put(auths [][]byte, decoded []coupon.Payload, now time.Time) (Entry, error) {
	e := &Entry{Name: NameOf(c.chain, auths)}
	for i := range decoded {
		a := &decoded[i].Auth
		e.Auths = append(e.Auths, append([]byte(nil), auths[i]...))
		e.merchants, e.coupons = append(e.merchants, a.Merchant), append(e.coupons, a.Coupon)
		if at := time.UnixMilli(int64(a.Expires)); at.After(e.Expires) {
			e.Expires = at
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
	if have := c.byBundle[e.Name.Bundle]; have != nil {
		return *have, nil
	}
	if len(c.queue) >= CodesMax || c.byCode[e.Name.code] != nil {
		return Entry{}, ErrFull
	}
	for _, id := range e.coupons {
		if c.coupons[id] >= CouponCodesMax {
			return Entry{}, ErrFull
		}
	}
	c.byCode[e.Name.code], c.byBundle[e.Name.Bundle] = e, e
	for _, id := range e.coupons {
		c.coupons[id]++
	}
	heap.Push(&c.queue, e)
	return *e, nil
}

// Get returns what a till of a merchant may read under a short code or bundle id.
// Whatever the reason why there is nothing, the error is ErrNone.
func (c *Codes) Get(name string, merchant uint16, now time.Time) (Entry, error) {
	p, err := parseName(name)
	if err != nil {
		return Entry{}, ErrNone
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
	e := c.byBundle[p.bundle]
	if p.short {
		e = c.byCode[p.code]
	}
	if e == nil {
		return Entry{}, ErrNone
	}
	for _, m := range e.merchants {
		if m != 0 && m != merchant {
			return Entry{}, ErrNone
		}
	}
	return *e, nil
}

// Len returns how many bundles are kept.
func (c *Codes) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)
}

// forget drops what is over.
func (c *Codes) forget(now time.Time) {
	for len(c.queue) > 0 && !now.Before(c.queue[0].Expires) {
		e, _ := heap.Pop(&c.queue).(*Entry)
		delete(c.byCode, e.Name.code)
		delete(c.byBundle, e.Name.Bundle)
		for _, id := range e.coupons {
			if c.coupons[id]--; c.coupons[id] == 0 {
				delete(c.coupons, id)
			}
		}
	}
}

// entryQueue is a heap of entries, the first to go on top.
type entryQueue []*Entry

// Len implements sort.Interface.
func (q entryQueue) Len() int { return len(q) }

// Less implements sort.Interface.
func (q entryQueue) Less(i, j int) bool { return q[i].Expires.Before(q[j].Expires) }

// Swap implements sort.Interface.
func (q entryQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *entryQueue) Push(x any) {
	if e, ok := x.(*Entry); ok {
		*q = append(*q, e)
	}
}

// Pop implements heap.Interface.
func (q *entryQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}

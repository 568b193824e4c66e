//go:build unix

package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/transport"
)

var attackFlag = flag.Int("e2e.attack", 0, "transactions timed idle and under each attack; 0 = none is timed")

// attacker is a member that has its real key, speaks the protocol over real TLS, and
// asks, claims and holds whatever it can. It is validator 0, whose process is killed.
type attacker struct {
	*hostile
	tr       *transport.Transport
	received [256]atomic.Int64 // bytes by kind of frame
	key      sig.PrivateKey
	elder    *elder
}

// attack is what the attacker sends to each other member, so often.
type attack struct {
	name  string
	every time.Duration
	lane  transport.Lane
	frame func(a *attacker, i int) []byte
	// kind of the answers, and what of them a member may be given: so much at once, and
	// so much a second.
	kind        pbft.Kind
	burst, rate int64
}

const frameWanted, frameCertificates = 0x81, 0x82

var attacks = []attack{
	{"blocks are fetched 100 times a second", 10 * time.Millisecond, transport.Votes, func(*attacker, int) []byte {
		return pbft.EncodeMessage(&pbft.Fetch{Seq: 1})
	}, pbft.KindBlocks, 20 << 20, 8 << 20},
	{"certificates are asked for 400 times a second", 2500 * time.Microsecond, transport.Bulk,
		func(*attacker, int) []byte {
			frame := wire.AppendUint32([]byte{frameWanted}, 256)
			for height := range uint64(256) {
				frame = wire.AppendUint64(frame, 1+height%64)
			}
			return frame
		}, frameCertificates, 3 << 20, 1 << 20},
	{"heights that nobody has are claimed", 100 * time.Millisecond, transport.Votes, func(a *attacker, _ int) []byte {
		far := pbft.BlockRef{View: 1 << 40, Seq: 1 << 40, Digest: pbft.Digest{1}}
		return pbft.EncodeMessage(&pbft.Status{View: 1 << 40, ViewChanged: 1 << 40, Committed: far, Executed: far.Seq,
			High: pbft.Rank{View: far.View, Seq: far.Seq}})
	}, 0, 0, 0},
	{"far votes are cast", time.Millisecond, transport.Votes, func(a *attacker, i int) []byte {
		far := pbft.BlockRef{View: pbft.View(1 + i%3), Seq: pbft.Seq(1<<30 + i), Digest: pbft.Digest{byte(i), byte(i >> 8)}}
		m := &pbft.Prepare{Vote: pbft.Vote{Block: far}}
		committee, err := a.Dev().Genesis.Committee()
		if err != nil {
			a.t.Fatal(err)
		}
		m.Signature = a.key.Sign(committee.PrepareBytes(far))
		return pbft.EncodeMessage(m)
	}, 0, 0, 0},
	{"memories are asked for 1000 times a second", time.Millisecond, transport.Votes, func(*attacker, int) []byte {
		return pbft.EncodeMessage(&pbft.Recall{Nonce: 7})
	}, pbft.KindRecollection, 8 << 20, 2 << 20},
}

// run sends until do has returned, and then checks what was received of it.
func (a *attacker) run(x attack, do func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	before, began := a.received[x.kind].Load(), time.Now()
	go func() {
		defer close(done)
		ticks := time.NewTicker(x.every)
		defer ticks.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-ticks.C:
			}
			frame := x.frame(a, i)
			for peer := 1; peer < validators; peer++ {
				a.tr.Send(uint16(peer), x.lane, frame)
			}
		}
	}()
	do()
	close(stop)
	<-done
	got := a.received[x.kind].Load() - before
	most := int64(validators-1) * (x.burst + x.rate*int64(time.Since(began).Seconds()+1))
	if x.kind != 0 && got > most {
		a.t.Errorf("%s: %d bytes came back in %v, at most %d may", x.name, got, time.Since(began), most)
	}
	a.t.Logf("%s: %d bytes came back in %v", x.name, got, time.Since(began).Round(time.Millisecond))
}

// notBehind fails if a node believes that the chain is where the attacker claims.
func (a *attacker) notBehind() {
	a.t.Helper()
	for i := 1; i < validators; i++ {
		r, err := http.Get(a.URL(i) + "/readyz?verbose")
		if err != nil {
			a.t.Fatal(err)
		}
		b, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if strings.Contains(string(b), "blocks behind") {
			a.t.Errorf("validator %d, status %d: %s", i, r.StatusCode, b)
		}
	}
}

// claims hands in so many transactions, one after the other, and returns how long each
// took to be proven.
func (a *attacker) claims(x *client.Client, count int) (took []time.Duration) {
	a.t.Helper()
	for range count {
		began := time.Now()
		a.submit(x, a.m.claim(a.m.serial.Add(1)))
		took = append(took, time.Since(began))
	}
	return took
}

// holdConnections opens idle connections to the API of each other validator, and
// checks that not so many stay open.
func (a *attacker) holdConnections(count int, do func()) {
	var held []net.Conn
	for i := 1; i < validators; i++ {
		for range count {
			c, err := net.Dial("tcp", strings.TrimPrefix(a.URL(i), "http://"))
			if err != nil {
				a.t.Fatal(err)
			}
			held = append(held, c)
		}
	}
	do()
	for i := 1; i < validators; i++ {
		m := a.metrics(i)
		if open, closed := m["scrip_api_connections"], m["scrip_api_connections_closed_total"]; open > connectionsMax ||
			count > connectionsMax && closed < float64(count-connectionsMax) {
			a.t.Errorf("validator %d has %v connections open and has closed %v, of %d", i, open, closed, count)
		}
	}
	for _, c := range held {
		_ = c.Close()
	}
}

// connectionsMax is the setting of the networks that are attacked.
const connectionsMax = 64

// memory returns the resident bytes of a validator; 0 where the system does not say.
func (a *attacker) memory(i int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.PID(i)))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kib, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	return kib * 1024
}

// TestMemberAttacks lets one member do its worst while customers go on: what it asks
// for is bounded, what it claims moves nobody, and with -e2e.attack the others take less
// than twice as long and twice the memory.
func TestMemberAttacks(t *testing.T) {
	// The patience keeps the view in which the attacker is a former primary, however slow
	// the machine is; blocks of one transaction let others wait for their turn.
	c := startCluster(t, map[string]string{"api-connections": strconv.Itoa(connectionsMax),
		"api-requests-per-second": "100000", "consensus-timeout-ms": "2000", "limits-block-txs": "1"})
	a := &attacker{hostile: &hostile{cluster: c, m: openMarket(c, 2, 2)},
		key: sig.NewKeyFromSeed(c.Dev().Validators[0].Seed)}
	c.kill(0)
	x := c.newClient([]int{1, 2, 3})
	a.claims(x, 20+*attackFlag)
	a.elder = newElder(a)
	a.handler = func(from uint16, _ transport.Lane, frame []byte) {
		a.received[frame[0]].Add(int64(len(frame)))
		a.elder.hear(from, frame)
	}
	a.impostor(c.Dev().Validators[0].Seed, c.Dev().Genesis.Digest, func(_ context.Context, tr *transport.Transport) {
		a.tr = tr
		c.await("the attacker's links", func() string {
			for _, l := range tr.Stats().Links {
				if !l.Up {
					return fmt.Sprintf("%+v is down", l)
				}
			}
			return ""
		})
		for _, y := range attacks {
			a.compare(x, y.name, func(do func()) { a.run(y, do) })
		}
		a.compare(x, "a former primary has bodies kept", a.elder.haveKept)
		a.compare(x, "a former primary takes transactions into blocks", a.elder.takeTransactions)
		a.compare(x, "4,100 idle connections", func(do func()) { a.holdConnections(4100/(validators-1), do) })
	})
	if dropped := c.metrics(1)["scrip_p2p_answers_dropped_total"]; dropped == 0 {
		t.Error("no answer was dropped")
	}
}

// compare makes customers go on under an attack, and times them beside an idle network
// if it is asked to.
func (a *attacker) compare(x *client.Client, name string, under func(do func())) {
	a.t.Helper()
	if *attackFlag == 0 {
		under(func() {
			a.claims(x, 10)
			a.notBehind()
		})
		return
	}
	const rounds = 5
	var idle, attacked []time.Duration
	before, most := a.memory(1), 0.0
	for range rounds { // in turn, so that what else the machine does meets both
		idle = append(idle, a.claims(x, *attackFlag/rounds)...)
		under(func() {
			attacked = append(attacked, a.claims(x, *attackFlag/rounds)...)
			most = max(most, a.memory(1))
			a.notBehind()
		})
	}
	slices.Sort(idle)
	slices.Sort(attacked)
	p50, p50Attacked := idle[len(idle)/2], attacked[len(attacked)/2]
	a.t.Logf("FIGURES %-48s p50 %6.1f ms idle, %6.1f ms attacked; %4.0f MiB before, %4.0f MiB at most", name,
		float64(p50.Microseconds())/1000, float64(p50Attacked.Microseconds())/1000, before/(1<<20), most/(1<<20))
	if p50Attacked > 2*p50 {
		a.t.Errorf("%s: p50 %v, idle %v", name, p50Attacked, p50)
	}
	if before > 0 && most > 2*before {
		a.t.Errorf("%s: %.0f bytes of memory, %.0f before", name, most, before)
	}
}

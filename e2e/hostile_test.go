//go:build unix

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/transport"
)

// TestHostileInput sends everything that is wrong to a network under load:
// strangers and broken frames at the ports of the members, nonsense, floods and
// dawdling at the API. Each is refused with its reason, and customers go on.
func TestHostileInput(t *testing.T) {
	c := startCluster(t, nil)
	m := openMarket(c, 2, 4)
	l := startLoad(c, m, 4, 1)
	x := &hostile{cluster: c, m: m, r: rand.New(rand.NewPCG(*seedFlag, 3))}
	for _, attack := range []func(){x.nonsense, x.invalidSignatures, x.replays, x.slowBodies, x.strangers} {
		attack()
		l.progress(20)
	}
	c.noOffences() // so far nobody was a member
	x.insider()
	l.progress(20)
	c.startOne(0)
	l.progress(20)
	l.finish()
	height := c.height()
	for i := range validators {
		c.awaitHeight(i, height, "voting")
	}
	b := openBooks(c)
	b.check(l.receipts)
}

type hostile struct {
	*cluster
	m *market
	r *rand.Rand
	// handler takes what the impostor receives; nil drops it.
	handler transport.Handler
}

func (x *hostile) random(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(x.r.Uint32())
	}
	return b
}

// post hands bytes to a node and returns the status and the problem.
func (x *hostile) post(node int, contentType string, body []byte) (int, client.Problem) {
	x.t.Helper()
	response, err := http.Post(x.URL(node)+"/v1/transactions?wait=none", contentType, bytes.NewReader(body))
	if err != nil {
		x.t.Errorf("post %d bytes: %v", len(body), err)
		return 0, client.Problem{}
	}
	defer func() { _ = response.Body.Close() }()
	raw, _ := io.ReadAll(response.Body)
	var p client.Problem
	if response.StatusCode >= 400 && (json.Unmarshal(raw, &p) != nil || p.Code == "") {
		x.t.Errorf("status %s without a problem: %s", response.Status, raw)
	}
	return response.StatusCode, p
}

const octets = "application/octet-stream"

// nonsense is refused with a code, whatever it is.
func (x *hostile) nonsense() {
	good := x.m.claim(1_000)
	long := append(bytes.Clone(good), make([]byte, coupon.TxSizeMax)...)
	foreign := x.m.chain
	foreign.Digest[0] ^= 1
	elsewhere := actions.SignedVoid(foreign, nowMs()+lifeMs, actions.Held{Coupon: 1}, x.m.tills[0])
	for _, k := range []struct {
		what, contentType string
		body              []byte
		status            int
		code              string
	}{
		{"nothing", octets, nil, 400, ""},
		{"garbage", octets, x.random(300), 400, coupon.BadEncoding.String()},
		{"a part of a transaction", octets, good[:len(good)-1], 400, coupon.BadEncoding.String()},
		{"more than a transaction", octets, append(bytes.Clone(good), 0), 400, coupon.BadEncoding.String()},
		{"too large a transaction", octets, long, 413, coupon.TooLarge.String()},
		{"a megabyte", octets, x.random(1 << 20), 413, ""},
		{"another chain's", octets, elsewhere, 400, coupon.WrongChain.String()},
		{"broken JSON", "application/json", []byte(`{"tx":`), 400, client.ProblemBadRequest},
		{"deep JSON", "application/json", bytes.Repeat([]byte("["), 10_000), 400, client.ProblemBadRequest},
		{"another type", "text/html", good, 415, ""},
	} {
		status, p := x.post(x.r.IntN(validators), k.contentType, k.body)
		if status != k.status && !(k.code == "" && status >= 400 && status < 500) || k.code != "" && p.Code != k.code {
			x.t.Errorf("%s: status %d, code %s, want %d and %s", k.what, status, p.Code, k.status, k.code)
		}
	}
}

// invalidSignatures is a flood of transactions of which one bit is wrong.
func (x *hostile) invalidSignatures() {
	const flood, atOnce = 2000, 16
	good := x.m.claim(1_001)
	var g sync.WaitGroup
	for k := range atOnce {
		g.Go(func() {
			for i := range flood / atOnce {
				bad := bytes.Clone(good)
				bad[len(bad)-1-k] ^= 1 << (i % 8)
				status, p := x.post(k%validators, octets, bad)
				if busy := status == http.StatusTooManyRequests; !busy && p.Code != coupon.BadSignature.String() {
					x.t.Errorf("a broken signature: status %d, code %s", status, p.Code)
					return
				}
			}
		})
	}
	g.Wait()
}

// replays: any number of copies at all nodes have one outcome.
func (x *hostile) replays() {
	raw := x.m.claim(1_002)
	first := x.submit(x.clientOf(), raw)
	var g sync.WaitGroup
	for i := range validators {
		g.Go(func() {
			for range 25 {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				r, err := x.nodes[i].Submit(ctx, raw)
				cancel()
				if err != nil || r.Height != first.Height || r.Proof.Index != first.Proof.Index {
					x.t.Errorf("a copy at node %d: %+v, %v", i, r, err)
					return
				}
			}
		})
	}
	g.Wait()
}

// slowBodies holds connections that never finish their request, and goes away.
func (x *hostile) slowBodies() {
	for i := range 100 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(x.URL(i%validators), "http://"))
		if err != nil {
			x.t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(conn, "POST /v1/transactions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"+
			"Content-Type: %s\r\n\r\nx", octets)
	}
	x.submit(x.clientOf(), x.m.claim(1_003)) // beside them
}

var peersPattern = regexp.MustCompile(`"msg":"started".*"peers":"([^"]+)"`)

// peerAddress returns where a validator listens for the others.
func (x *hostile) peerAddress(i int) string {
	x.t.Helper()
	log, err := os.ReadFile(x.LogPath(i))
	if err != nil {
		x.t.Fatal(err)
	}
	found := peersPattern.FindAllSubmatch(log, -1)
	if len(found) == 0 {
		x.t.Fatalf("validator %d does not say where it listens", i)
	}
	return string(found[len(found)-1][1])
}

// refused waits until a validator has logged a reason of package transport.
func (x *hostile) refused(i int, reason transport.Reason) {
	x.t.Helper()
	x.await(fmt.Sprintf("validator %d refuses for %v", i, reason), func() string {
		log, err := os.ReadFile(x.LogPath(i))
		if err != nil || !bytes.Contains(log, []byte(`"reason":"`+reason.String()+`"`)) {
			return "it does not say so"
		}
		return ""
	})
}

// strangers are not members: garbage, a handshake without a certificate, a foreign
// key, another chain. The victim is the one whom all others dial.
func (x *hostile) strangers() {
	const victim = 3
	address := x.peerAddress(victim)
	openings := [][]byte{nil, x.random(1), x.random(5000), []byte("GET / HTTP/1.1\r\n\r\n"), {22, 3, 1, 255, 255}}
	for _, first := range openings {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			x.t.Fatal(err)
		}
		_, _ = conn.Write(first)
		_ = conn.Close()
	}
	if conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}); err == nil {
		// In TLS 1.3 the client is done before the server has looked at it.
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			x.t.Errorf("a stranger without a key was told %d bytes", n)
		}
		_ = conn.Close()
	}
	x.refused(victim, transport.ReasonHandshake)
	digest := x.Dev().Genesis.Digest
	x.impostor(signer("stranger").Key, digest, func(context.Context, *transport.Transport) {
		x.refused(victim, transport.ReasonKey)
	})
	digest[0] ^= 1
	x.impostor(x.Dev().Validators[0].Seed, digest, func(context.Context, *transport.Transport) {
		x.refused(victim, transport.ReasonChain)
	})
}

// impostor runs a transport in the place of validator 0 with a key's seed.
func (x *hostile) impostor(seed, chainID [32]byte, do func(context.Context, *transport.Transport)) {
	x.t.Helper()
	var peers []transport.Peer
	for i := 1; i < validators; i++ {
		peers = append(peers, transport.Peer{ID: uint16(i), Key: x.Dev().Validators[i].Public(), Addr: x.peerAddress(i)})
	}
	handler := x.handler
	if handler == nil {
		handler = func(uint16, transport.Lane, []byte) {}
	}
	tr, err := transport.New(transport.Config{Self: 0, Key: sig.NewKeyFromSeed(seed), ChainID: chainID, Peers: peers,
		Listen: "127.0.0.1:0", Handler: handler,
		Limits: transport.Limits{
			Votes: transport.LaneLimits{FrameBytesMax: 64 << 20, QueueFramesMax: 4096, QueueBytesMax: 128 << 20},
			Bulk:  transport.LaneLimits{FrameBytesMax: 64 << 20, QueueFramesMax: 4096, QueueBytesMax: 128 << 20},
		}})
	if err != nil {
		x.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var g sync.WaitGroup
	g.Go(func() {
		if err := tr.Run(ctx); err != nil {
			x.t.Error(err)
		}
	})
	do(ctx, tr)
	cancel()
	g.Wait()
}

// insider is a member with its real key that sends garbage: frames of no meaning,
// real kinds with random content, frames beyond the limit, and half a frame.
// Validator 0 is killed for it, so all others must agree meanwhile.
func (x *hostile) insider() {
	const victim = 1
	x.kill(0)
	x.impostor(x.Dev().Validators[0].Seed, x.Dev().Genesis.Digest, func(_ context.Context, tr *transport.Transport) {
		send := func(lane transport.Lane, frame []byte) {
			x.await("the insider's link", func() string {
				if !tr.Send(victim, lane, frame) {
					return "nothing is sent"
				}
				return ""
			})
		}
		before := x.metrics(victim)["scrip_p2p_frames_dropped_total"]
		for kind := range 256 {
			send(transport.Lane(kind%int(transport.Lanes)), append([]byte{byte(kind)}, x.random(1+x.r.IntN(2000))...))
		}
		x.await("garbage is counted", func() string {
			if x.metrics(victim)["scrip_p2p_frames_dropped_total"] == before {
				return "no frame is"
			}
			return ""
		})
		send(transport.Bulk, make([]byte, 40<<20))
		x.refused(victim, transport.ReasonOversized)
		send(transport.Bulk, make([]byte, 15<<20)) // cut off by the end of the impostor
	})
}

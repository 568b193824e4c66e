//go:build unix

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// archive keeps every consensus log that validators ever had: a compaction
// replaces the file, and a second name keeps the old one.
type archive struct {
	c    *cluster
	dir  string
	done chan struct{}
	g    sync.WaitGroup
}

func startArchive(c *cluster) *archive {
	a := &archive{c: c, dir: c.t.TempDir(), done: make(chan struct{})}
	a.g.Go(func() {
		for ticks := time.NewTicker(20 * time.Millisecond); ; {
			a.keep()
			select {
			case <-a.done:
				ticks.Stop()
				return
			case <-ticks.C:
			}
		}
	})
	return a
}

func (a *archive) keep() {
	for i := range validators {
		from := filepath.Join(a.c.Home(i), "data", "consensus", "consensus.log")
		info, err := os.Stat(from)
		if err != nil {
			continue // between two steps of a compaction
		}
		inode := strconv.FormatUint(info.Sys().(*syscall.Stat_t).Ino, 10)
		to := filepath.Join(a.dir, strconv.Itoa(i), inode)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		if err := errors.Join(os.MkdirAll(to, 0o700), os.Link(from, filepath.Join(to, "consensus.log"))); err != nil {
			_ = os.RemoveAll(to)
		}
	}
}

// read returns all votes of all logs. The validators must have ended.
func (a *archive) read() *votes {
	a.c.t.Helper()
	close(a.done)
	a.g.Wait()
	a.keep()
	v := newVotes(a.c.t)
	for i := range validators {
		id := store.LogID{Chain: a.c.Dev().Genesis.Digest, Key: a.c.Dev().Validators[i].Public()}
		dirs, err := filepath.Glob(filepath.Join(a.dir, strconv.Itoa(i), "*"))
		if err != nil || len(dirs) == 0 {
			a.c.t.Fatalf("no log of validator %d: %v", i, err)
		}
		for _, dir := range dirs {
			v.logs++
			v.add(pbft.ReplicaID(i), dir, id)
		}
	}
	return v
}

// slot is where a replica votes at most once.
type slot struct {
	who  pbft.ReplicaID
	kind string
	view pbft.View
	seq  pbft.Seq
}

// votes are what keys have signed, from their own logs and from the certificates
// in all logs, and which blocks are committed.
type votes struct {
	t         *testing.T
	logs      int
	cast      map[slot]pbft.Digest
	committed map[pbft.Seq]pbft.Digest
	prepares  int
}

func newVotes(t *testing.T) *votes {
	return &votes{t: t, cast: make(map[slot]pbft.Digest), committed: make(map[pbft.Seq]pbft.Digest)}
}

// add reads one log. One that a crash has damaged is a failure.
func (v *votes) add(who pbft.ReplicaID, dir string, id store.LogID) {
	v.t.Helper()
	log, err := store.OpenLog(store.OS{}, dir, id)
	if err != nil {
		v.t.Errorf("a log of validator %d: %v", who, err)
		return
	}
	defer func() { _ = log.Close() }()
	err = log.Frames(func(frame []byte) error {
		records, err := pbft.DecodeRecords(frame)
		for i := range records {
			v.record(who, &records[i])
		}
		return err
	})
	if err != nil {
		v.t.Errorf("a log of validator %d: %v", who, err)
	}
}

func (v *votes) record(who pbft.ReplicaID, r *pbft.Record) {
	switch r.Kind {
	case pbft.RecordEntry, pbft.RecordNewView:
		v.newView(r.NewView)
	case pbft.RecordCertificate, pbft.RecordCommit:
		v.certificate(r.Certificate)
	case pbft.RecordProposal:
		v.vote(slot{who, "proposal", r.View, r.Base.Seq}, r.Base.Digest)
	case pbft.RecordPrepare:
		v.prepares++
		if r.Prepare.Replica != who {
			v.t.Errorf("the log of validator %d holds a PREPARE of %d", who, r.Prepare.Replica)
		}
		v.vote(slot{who, "prepare", r.Prepare.Block.View, r.Prepare.Block.Seq}, r.Prepare.Block.Digest)
	case pbft.RecordViewChange:
		v.viewChange(r.ViewChange)
	case pbft.RecordSlotViewChange:
		x := r.SlotViewChange
		v.vote(slot{x.Replica, "view-change", x.View, 0}, pbft.Digest(x.Signature[:32]))
		for _, c := range x.Proofs {
			v.certificate(c)
		}
	}
}

func (v *votes) viewChange(x *pbft.ViewChange) {
	if x == nil {
		return
	}
	v.vote(slot{x.Replica, "view-change", x.View, 0}, pbft.Digest(x.Signature[:32]))
	v.certificate(x.Certificate)
}

func (v *votes) newView(x *pbft.NewView) {
	if x == nil {
		return
	}
	v.certificate(x.Certificate)
	for i := range x.ViewChanges {
		v.viewChange(&x.ViewChanges[i])
	}
}

func (v *votes) certificate(x *pbft.Certificate) {
	if x == nil {
		return
	}
	kind := "prepare"
	if x.Kind == pbft.CommittedSlow {
		kind = "commit"
	}
	for who := range pbft.ReplicaID(validators) {
		if x.Signers.Has(who) {
			v.vote(slot{who, kind, x.Block.View, x.Block.Seq}, x.Block.Digest)
		}
	}
	if x.Kind == pbft.CommittedSlow || x.Kind == pbft.CommittedFast {
		if old, ok := v.committed[x.Block.Seq]; ok && old != x.Block.Digest {
			v.t.Errorf("two blocks are committed at height %d: %x and %x", x.Block.Seq, old, x.Block.Digest)
		}
		v.committed[x.Block.Seq] = x.Block.Digest
	}
}

func (v *votes) vote(s slot, digest pbft.Digest) {
	if old, ok := v.cast[s]; ok && old != digest {
		v.t.Errorf("validator %d has signed two %ss in view %d at height %d: %x and %x",
			s.who, s.kind, s.view, s.seq, old, digest)
	}
	v.cast[s] = digest
}

// String says how much was read.
func (v *votes) String() string {
	return fmt.Sprintf("%d prepare records in %d logs, %d votes, %d commit certificates",
		v.prepares, v.logs, len(v.cast), len(v.committed))
}

package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrip-network/scrip/network"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/validator"
)

const validators = 4

// CouponsMin and CouponsMax bound how many coupons a ledger is filled with: below, the
// lists are shorter than a page, above, the members' funding is spent.
const (
	CouponsMin = 1000
	CouponsMax = 2_000_000
)

// Fill makes the state folder dir of a new demonstration network whose ledger holds
// the coupons, and ends at endMs, Unix milliseconds. report is told how many
// transactions are done. About a kilobyte of disk is taken for each coupon.
func Fill(dir string, coupons int, endMs uint64, report func(done, total int)) (s Shape, err error) {
	s = shapeOf(coupons)
	if coupons < CouponsMin || coupons > CouponsMax {
		return s, fmt.Errorf("fill a ledger with %d coupons: at least %d, at most %d", coupons, CouponsMin, CouponsMax)
	}
	n, err := network.Create(network.Config{Dir: dir, Name: "crowd", Validators: validators})
	if err != nil {
		return s, fmt.Errorf("make the network to fill: %w", err)
	}
	if n.Resumed() {
		return s, fmt.Errorf("%s holds a network already", dir)
	}
	var ledgers []string
	for i := range validators {
		cfg, err := validator.LoadConfig(n.Home(i), nil, nil)
		if err != nil {
			return s, err
		}
		ledgers = append(ledgers, filepath.Join(cfg.Path(cfg.Data), "ledger"))
	}
	if err := fill(s, n, ledgers[0], endMs, report); err != nil {
		return s, fmt.Errorf("fill the ledger: %w", err)
	}
	for _, to := range ledgers[1:] {
		if err := clone(ledgers[0], to); err != nil {
			return s, fmt.Errorf("copy the ledger: %w", err)
		}
	}
	return s, nil
}

func fill(s Shape, n *network.Network, dir string, endMs uint64, report func(done, total int)) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	l, err := store.OpenLedger(store.LedgerConfig{Dir: dir, Chain: n.Dev().Genesis.Digest,
		RowCacheBytes: 512 << 20, BlockCacheBytes: 256 << 20})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	b, err := newBuilder(n.Dev(), l)
	if err != nil {
		return err
	}
	return newCrowd(s, b, endMs, report).tell()
}

// clone copies a closed ledger. Its tables are never written again, so the copies
// share them.
func clone(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case strings.HasSuffix(name, ".sst") && os.Link(path, target) == nil:
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
}

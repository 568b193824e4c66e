package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
)

// Workload names what the load consists of.
type Workload string

// The workloads.
const (
	// Transfers passes coupons from one holder to another.
	Transfers Workload = "transfers"
	// Mix is, of twenty transactions, fourteen claims, one redemption and five
	// transfers.
	Mix Workload = "mix"
	// Flash is transfers at the rate, and a sale: within Config.FlashFor, two
	// claimants for each coupon of a stock hand in their claims at different nodes.
	Flash Workload = "flash"
)

// Limits and defaults of a Config.
const (
	// DurationMax keeps what was signed in advance from expiring.
	DurationMax    = 120 * time.Second
	DefaultCoupons = 10_000
	DefaultWarmup  = 2 * time.Second
	// DefaultInFlight is how many transactions a closed load keeps on their way.
	DefaultInFlight = 2048
	// DefaultRateMax is the rate for which a closed load has enough signed.
	DefaultRateMax = 12_000
	// drainTimeout is how long what is still on its way is waited for.
	drainTimeout = 10 * time.Second
)

// Till is a till that redeems.
type Till struct {
	coupon.Signer
	Member uint16
}

// Config describes a run. Fields without a stated default must be set.
type Config struct {
	Genesis []byte
	// Nodes are the addresses that the load is spread over.
	Nodes []string
	// Issuer publishes the campaign of the run. Its funding must cover a cent for
	// each coupon.
	Issuer coupon.MemberSigner
	// Currency is the number of the campaign's currency.
	Currency uint16
	// Tills redeem in Mix.
	Tills []Till

	Workload Workload
	// Rate is transactions per second; 0 = a closed load.
	Rate float64
	// Duration is that of the measurement, without preparation and warm-up.
	Duration time.Duration
	Warmup   time.Duration // default DefaultWarmup
	Coupons  int           // that are passed on; default DefaultCoupons
	InFlight int           // of a closed load; default DefaultInFlight
	// RateMax is the most that a closed load can commit per second: so much is signed
	// in advance. Default DefaultRateMax.
	RateMax int

	// Stock, FlashAfter and FlashFor are of a Flash: how many coupons are sold, when
	// in the measurement that begins, and in what time all claims fall due.
	Stock                int
	FlashAfter, FlashFor time.Duration

	// Observe, if set, is told of every transaction of the load, those of the warm-up
	// too, in the order of their outcomes. It is called from one goroutine at a time
	// and must be quick.
	Observe func(Sample)

	// CPU returns the CPU time that the validators have used; may be nil.
	CPU func() (time.Duration, error)
	// Progress, if set, is told what is being done. It is called from one
	// goroutine at a time.
	Progress func(phase string, done, total int)
}

// SignAs gives the run the keys of a demonstration network.
func (c *Config) SignAs(dev *genesis.DevNetwork) {
	rules := &dev.Genesis.File.Ledger
	c.Genesis, c.Currency = dev.Genesis.Raw, rules.Currencies[0].Number
	c.Issuer = coupon.MemberSigner{Member: 1, Signer: coupon.NewSigner(dev.Admins[0].Seed)}
	for i, t := range rules.Tills {
		c.Tills = append(c.Tills, Till{Signer: coupon.NewSigner(dev.Tills[i].Seed), Member: t.Member})
	}
}

// Sample is one transaction of the load. Times count from the begin of the
// measurement, so those of the warm-up are negative.
type Sample struct {
	Due, Sent, Answered time.Duration
	// Node took the transaction; Kind says what it was.
	Node int
	Kind Kind
	// Code is that of the outcome. It is empty if none is known, and CodeLate for
	// what was due and never sent, which has neither Sent nor Answered.
	Code string
	// Tx is the transaction itself, not to be changed; nil if it was never sent.
	Tx []byte
}

// CodeLate stands in a Sample for what no free coupon was there to send.
const CodeLate = "late"

// Latency is in milliseconds, from when a transaction was due until its outcome
// was known to the client.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Report is what a run has measured.
type Report struct {
	Workload Workload `json:"workload"`
	// Campaign is the number of the campaign that was published for the run.
	Campaign uint32 `json:"campaign"`
	// Mode is open or closed.
	Mode  string `json:"mode"`
	Nodes int    `json:"nodes"`
	// OfferedPerSecond is the rate of an open load.
	OfferedPerSecond float64 `json:"offered_per_second,omitempty"`
	// InFlight is what a closed load kept on its way.
	InFlight  int     `json:"in_flight,omitempty"`
	PrepareS  float64 `json:"prepare_s"`
	DurationS float64 `json:"duration_s"`
	// Committed counts what was accepted within the duration.
	Committed          int     `json:"committed"`
	CommittedPerSecond float64 `json:"committed_per_second"`
	LatencyMs          Latency `json:"latency_ms"`
	// Refused counts refusals, ByCode tells which.
	Refused int            `json:"refused"`
	ByCode  map[string]int `json:"refused_by_code,omitempty"`
	// Errors counts what has no outcome: failed requests, and what was still on its
	// way when the run ended.
	Errors     int    `json:"errors"`
	FirstError string `json:"first_error,omitempty"`
	// Late counts what could not be sent when due, because every coupon was busy.
	Late int `json:"late,omitempty"`
	// CPUMicrosPerTx is the CPU time of all validators for one committed
	// transaction; 0 = not known.
	CPUMicrosPerTx float64 `json:"cpu_us_per_tx,omitempty"`
}

// Run prepares and measures. It ends early with an error if the preparation does
// not come out; what goes wrong in the measurement is counted.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c, err := client.New(cfg.Genesis, cfg.Nodes)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	s := newSender(cfg.Nodes)
	defer s.close()
	w := &workload{cfg: &cfg, chain: c.Chain(), client: c, sender: s}
	lanes, err := w.prepare(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the load: %w", err)
	}
	r := &Report{Workload: cfg.Workload, Campaign: w.campaign, Nodes: len(cfg.Nodes), OfferedPerSecond: cfg.Rate,
		Mode: "open", PrepareS: time.Since(begin).Seconds(), ByCode: make(map[string]int)}
	d := newDriver(&cfg, s, lanes)
	if cfg.Rate == 0 {
		r.Mode, r.InFlight = "closed", cfg.InFlight
	}
	if err := d.run(ctx); err != nil {
		return nil, err
	}
	return r, d.report(r)
}

func (c *Config) check() error {
	if c.Warmup == 0 {
		c.Warmup = DefaultWarmup
	}
	if c.Coupons == 0 {
		c.Coupons = DefaultCoupons
	}
	if c.InFlight == 0 {
		c.InFlight = DefaultInFlight
	}
	if c.RateMax == 0 {
		c.RateMax = DefaultRateMax
	}
	switch {
	case len(c.Nodes) == 0:
		return errors.New("bench: no nodes")
	case c.Workload != Transfers && c.Workload != Mix && c.Workload != Flash:
		return fmt.Errorf("bench: there is no workload %q: transfers, mix or flash", c.Workload)
	case c.Workload == Flash && (c.Stock < 1 || c.Rate <= 0 || c.FlashAfter < 0 || c.FlashFor <= 0 ||
		c.FlashAfter+c.FlashFor > c.Duration):
		return errors.New("bench: a flash needs a stock, a rate, and its time within the duration")
	case c.Workload == Mix && len(c.Tills) == 0:
		return errors.New("bench: the mix needs tills")
	case c.Duration <= 0 || c.Duration+c.Warmup > DurationMax:
		return fmt.Errorf("bench: a duration of %v, wanted up to %v", c.Duration, DurationMax-c.Warmup)
	case c.Rate < 0 || c.Coupons < 1 || c.InFlight < 1 || c.RateMax < 1:
		return errors.New("bench: rates, coupons or transactions in flight out of range")
	}
	return nil
}

func (c *Config) progress(phase string, done, total int) {
	if c.Progress != nil {
		c.Progress(phase, done, total)
	}
}

// planned is how many transactions of the load are signed in advance.
func (c *Config) planned() int {
	rate := c.Rate
	if rate == 0 {
		rate = float64(c.RateMax)
	}
	return int(rate*(c.Warmup+c.Duration).Seconds()) + c.InFlight
}

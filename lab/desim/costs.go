package desim

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
)

// Costs are what work takes: of a processor core unless a comment says disk.
// Times are in nanoseconds.
type Costs struct {
	// Source says where the figures are from: machine, date, method.
	Source Source `json:"source"`

	SignNs   int64 `json:"sign_ns"`
	VerifyNs int64 `json:"verify_ns"` // one signature alone
	// Batches are ascending in Size: in a batch of Size or more signatures, one
	// costs VerifyNs. Smaller batches cost as many single checks.
	Batches []BatchCost `json:"batches"`
	// KeyNs is what a transaction's signature costs besides: its key is seldom among
	// those whose expanded form is kept, and must be judged.
	KeyNs int64 `json:"key_ns"`
	// HashNsPerKiB is for hashing and decoding a payload.
	HashNsPerKiB int64 `json:"hash_ns_per_kib"`

	// Of one transaction: at the member that a client hands it to; when gossip
	// brings it; when a proposal names it; when it is executed and stored; when its
	// client is answered. Signatures are apart.
	DoorNsPerTx    int64 `json:"door_ns_per_tx"`
	GossipNsPerTx  int64 `json:"gossip_ns_per_tx"`
	PayloadNsPerTx int64 `json:"payload_ns_per_tx"`
	ExecuteNsPerTx int64 `json:"execute_ns_per_tx"`
	AnswerNsPerTx  int64 `json:"answer_ns_per_tx"`
	// ExecuteNsPerBlock is for executing and storing an empty block.
	ExecuteNsPerBlock int64 `json:"execute_ns_per_block"`

	// TurnNs is for a turn of the loop, MessageNs for what an engine does with a
	// message that arrives, ProposeNs for making a block, signatures apart.
	TurnNs    int64 `json:"turn_ns"`
	MessageNs int64 `json:"message_ns"`
	ProposeNs int64 `json:"propose_ns"`

	// SendNs and ReceiveNs are for one frame of one link: framing, TLS, and waking
	// somebody up; the bytes of it cost apart. WriteNs is for one write, which
	// several frames may share.
	WriteNs         int64 `json:"write_ns"`
	SendNs          int64 `json:"send_ns"`
	SendNsPerKiB    int64 `json:"send_ns_per_kib"`
	ReceiveNs       int64 `json:"receive_ns"`
	ReceiveNsPerKiB int64 `json:"receive_ns_per_kib"`

	// AppendNs and AppendNsPerKiB are the processor's part of a write to the
	// consensus log; SyncNs and SyncNsPerMiB are the disk's, to which up to
	// SyncSpreadNs is added at random, uniformly.
	AppendNs       int64 `json:"append_ns"`
	AppendNsPerKiB int64 `json:"append_ns_per_kib"`
	SyncNs         int64 `json:"sync_ns"`
	SyncNsPerMiB   int64 `json:"sync_ns_per_mib"`
	SyncSpreadNs   int64 `json:"sync_spread_ns"`
}

// Source says where costs are from.
type Source struct {
	Machine string `json:"machine"`
	Date    string `json:"date"`
	Method  string `json:"method"`
}

// BatchCost is the cost of one signature within a batch.
type BatchCost struct {
	Size     int   `json:"size"`
	VerifyNs int64 `json:"verify_ns"`
}

//go:embed costs.json
var costsFile []byte

// DefaultCosts returns the costs in the file costs.json, which was measured as it
// says.
func DefaultCosts() Costs {
	c, err := DecodeCosts(costsFile)
	if err != nil {
		panic(fmt.Sprintf("desim: the embedded costs: %v", err)) // a test reads them
	}
	return c
}

// DecodeCosts reads costs from JSON, strictly, and checks them.
func DecodeCosts(b []byte) (Costs, error) {
	var c Costs
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Costs{}, fmt.Errorf("decode costs: %w", err)
	}
	return c, c.Check()
}

// Check reports an error that wraps ErrConfig if a cost makes no sense.
func (c *Costs) Check() error {
	for _, v := range []int64{
		c.SignNs, c.VerifyNs, c.KeyNs, c.HashNsPerKiB,
		c.DoorNsPerTx, c.GossipNsPerTx, c.PayloadNsPerTx, c.ExecuteNsPerTx, c.AnswerNsPerTx, c.ExecuteNsPerBlock,
		c.TurnNs, c.MessageNs, c.ProposeNs, c.WriteNs, c.SendNs, c.SendNsPerKiB, c.ReceiveNs, c.ReceiveNsPerKiB,
		c.AppendNs, c.AppendNsPerKiB, c.SyncNs, c.SyncNsPerMiB, c.SyncSpreadNs,
	} {
		if v < 0 || v > 10_000_000_000 {
			return fmt.Errorf("%w: a cost of %d ns", ErrConfig, v)
		}
	}
	for i, b := range c.Batches {
		if b.Size < 2 || b.VerifyNs < 0 || i > 0 && b.Size <= c.Batches[i-1].Size {
			return fmt.Errorf("%w: batch costs must ascend from size 2", ErrConfig)
		}
	}
	return nil
}

// batchNs is the cost of checking k signatures together.
func (c *Costs) batchNs(k int) int64 {
	each := c.VerifyNs
	for _, b := range c.Batches {
		if k >= b.Size {
			each = b.VerifyNs
		}
	}
	return int64(k) * each
}

// perBytes is the cost of size bytes at a price per unit of them.
func perBytes(size int, price, unit int64) int64 { return int64(size) * price / unit }

package genesis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/internal/units"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/pbft"
)

// format is the value of the file's first field.
const format = "scrip-genesis-1"

// Load reads and parses a genesis file, in any form of text that package textfile
// reads: the digest is of the text, so a byte order mark does not change it.
func Load(path string) (*Genesis, error) {
	raw, err := textfile.Read(path, FileBytesMax)
	if err != nil {
		return nil, fmt.Errorf("load genesis: %w", err)
	}
	g, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return g, nil
}

// Parse reads a genesis file and checks all of it. An error begins with the line
// and the path of what is wrong. The result holds a copy of raw.
func Parse(raw []byte) (*Genesis, error) {
	f, err := decode(raw)
	if err == nil {
		err = f.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	return &Genesis{File: *f, Raw: bytes.Clone(raw), Digest: coupon.ChainDigest(f.Name, raw)}, nil
}

// decode reads a file without the checks between its parts.
func decode(raw []byte) (*File, error) {
	root, err := readTree(raw)
	if err != nil {
		return nil, err
	}
	d := &decoder{}
	f := &File{}
	o := d.object(root, "")
	if n := o.take("format", '"'); n != nil && n.text != format {
		o.fail(n.line, "format", "%q, this version reads %q", clip(n.text), format)
	}
	f.Name = o.text("name", coupon.NameSizeMax)
	f.TimeMs = o.time("time")
	l := &f.Ledger
	o.list("currencies", 1, coupon.CurrenciesMax, func(n *node, path string) {
		l.Currencies = append(l.Currencies, d.currency(n, path))
	})
	o.list("members", 1, coupon.MembersMax, func(n *node, path string) {
		l.Members = append(l.Members, d.member(n, path, len(l.Members)+1))
	})
	o.list("funding", 0, FundingMax, func(n *node, path string) {
		l.Funding = append(l.Funding, d.funding(l, n, path))
	})
	o.list("tills", 0, TillsMax, func(n *node, path string) {
		l.Tills = append(l.Tills, d.till(l, n, path))
	})
	l.LifeMs = o.number("holder_life_ms", coupon.LifeMsMin, coupon.LifeMsMax)
	l.MemberLifeMs = o.number("member_life_ms", coupon.LifeMsMin, coupon.MemberLifeMsMax)
	l.CycleMs = o.number("cycle_ms", coupon.CycleMsMin, coupon.CycleMsMax)
	o.settlement(f)
	f.Committee = d.committee(l, d.object(o.take("committee", '{'), "committee"))
	if l.Rules >= coupon.Version2 {
		l.Set = f.Committee.set()
	}
	o.done()
	return f, d.err
}

// settlement reads the version of the rules and what those that settle begin with. A file
// of version 1 has none of these fields.
func (o *object) settlement(f *File) {
	n := o.optional("rules", '0')
	if n == nil {
		return
	}
	l := &f.Ledger
	if l.Rules = coupon.Version2; n.text != strconv.Itoa(int(l.Rules)) {
		o.fail(n.line, "rules", "%s, wanted %d, or no such field for version 1", clip(n.text), l.Rules)
	}
	l.Settlement = coupon.GenesisSettlement{
		TimeMs:  f.TimeMs,
		PayMs:   o.number("pay_ms", coupon.PayMsMin, coupon.PayMsMax),
		Clearer: uint16(o.number("clearer", 0, uint64(len(l.Members)))),
	}
	if n := o.take("net_mode", '"'); n != nil {
		mode, ok := coupon.ParseNetMode(n.text)
		if !ok {
			o.fail(n.line, "net_mode", "%q, wanted %q or %q", clip(n.text), coupon.NetMultilateral, coupon.NetBilateral)
		}
		l.Settlement.NetMode = mode
	}
}

func (d *decoder) currency(n *node, path string) coupon.Currency {
	o := d.object(n, path)
	defer o.done()
	return coupon.Currency{
		Number:   uint16(o.number("numeric", 1, 999)),
		Letters:  o.text("letters", 3),
		Exponent: uint8(o.number("exponent", 0, uint64(coupon.ExponentMax))),
	}
}

// member reads a member. Its id is in the file for the reader's sake, who needs it
// to follow the references; it must be its place.
func (d *decoder) member(n *node, path string, id int) coupon.GenesisMember {
	o := d.object(n, path)
	defer o.done()
	if v := o.take("id", '0'); v != nil && v.text != strconv.Itoa(id) {
		o.fail(v.line, o.at("id"), "%s, members are numbered 1, 2, 3 in order: %d is wanted", clip(v.text), id)
	}
	m := coupon.GenesisMember{
		Name:  o.text("name", coupon.NameSizeMax),
		Roles: o.bits("roles", coupon.RoleNames()),
	}
	o.list("keys", 1, coupon.AdminKeysMax, func(n *node, path string) {
		m.Keys = append(m.Keys, d.keyOf(n, path, keys.Member))
	})
	m.Threshold = uint8(o.number("threshold", 1, uint64(max(1, len(m.Keys)))))
	return m
}

func (d *decoder) funding(l *coupon.Genesis, n *node, path string) coupon.GenesisFunding {
	o := d.object(n, path)
	defer o.done()
	v := coupon.GenesisFunding{Member: o.memberOf(l)}
	c := o.currencyOf(l)
	v.Currency, v.Limit = c.Number, o.money("limit", c)
	return v
}

func (d *decoder) till(l *coupon.Genesis, n *node, path string) coupon.GenesisTill {
	o := d.object(n, path)
	defer o.done()
	t := coupon.GenesisTill{
		Key:    o.key("key", keys.Till),
		Member: o.memberOf(l),
		Store:  uint16(o.number("store", 1, 65_535)),
		Label:  o.text("label", coupon.LabelSizeMax),
		Rights: o.bits("rights", coupon.RightNames()),
	}
	c := o.currencyOf(l)
	t.Currency, t.DayCap = c.Number, o.money("day_cap", c)
	t.ValidFrom, t.ValidUntil = o.time("valid_from"), o.time("valid_until")
	return t
}

// memberOf takes the field "member", the id of one listed before.
func (o *object) memberOf(l *coupon.Genesis) uint16 {
	return uint16(o.number("member", 1, uint64(len(l.Members))))
}

// currencyOf takes the field "currency", the letters of one listed before.
func (o *object) currencyOf(l *coupon.Genesis) coupon.Currency {
	n := o.take("currency", '"')
	if n == nil {
		return coupon.Currency{}
	}
	for _, c := range l.Currencies {
		if c.Letters == n.text {
			return c
		}
	}
	o.fail(n.line, o.at("currency"), "%q is not among the currencies", clip(n.text))
	return coupon.Currency{}
}

// money takes an amount of a currency.
func (o *object) money(name string, c coupon.Currency) uint64 {
	n := o.take(name, '"')
	if n == nil {
		return 0
	}
	amount, err := parseMoney(n.text, c)
	if err != nil {
		o.fail(n.line, o.at(name), "%v", err)
	}
	return amount
}

func (d *decoder) committee(l *coupon.Genesis, o *object) Committee {
	defer o.done()
	c := Committee{}
	o.list("validators", ValidatorsMin, pbft.ReplicasMax, func(n *node, path string) {
		v := d.object(n, path)
		c.Validators = append(c.Validators, Validator{
			Member: v.memberOf(l),
			Key:    v.key("key", keys.Validator),
		})
		v.done()
	})
	c.Faults = int(o.number("faults", 1, pbft.ReplicasMax))
	c.FastFaults = int(o.number("fast_faults", 0, pbft.ReplicasMax))
	c.Window = o.number("window", 1, pbft.WindowMax)
	c.Tenure = o.number("tenure", 1, pbft.TenureMax)
	c.CheckpointInterval = o.number("checkpoint_interval", 1, pbft.CheckpointIntervalMax)
	c.ExecutionLag = o.number("execution_lag", 1, pbft.ExecutionLagMax)
	c.PrecisionMs = o.number("precision_ms", 1, pbft.PrecisionMsMax)
	c.DelayMs = o.number("delay_ms", 1, pbft.DelayMsMax)
	c.PayloadBytesMax = uint32(o.number("payload_bytes_max", pbft.PayloadBytesLow, pbft.PayloadBytesLimit))
	if n := o.optional("engine", '"'); n != nil {
		p, err := pbft.ParseProtocol(n.text)
		switch {
		case err != nil:
			o.fail(n.line, o.at("engine"), "%q, wanted %q", clip(n.text), pbft.Original)
		case p == pbft.DualPath:
			o.fail(n.line, o.at("engine"), "%q is what a file without this field means: leave it out", n.text)
		}
		c.Protocol = p
	}
	return c
}

// Encode checks f and returns a genesis file with its content, indented for
// people to read and compare.
func Encode(f *File) ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(fileForm(f)); err != nil {
		return nil, fmt.Errorf("genesis: encode: %w", err)
	}
	return b.Bytes(), nil
}

// The forms below are what the file looks like, field by field and in order.
type (
	rootForm struct {
		Format     string         `json:"format"`
		Name       string         `json:"name"`
		Time       string         `json:"time"`
		Currencies []currencyForm `json:"currencies"`
		Members    []memberForm   `json:"members"`
		Funding    []fundingForm  `json:"funding"`
		Tills      []tillForm     `json:"tills"`
		HolderLife uint64         `json:"holder_life_ms"`
		MemberLife uint64         `json:"member_life_ms"`
		Cycle      uint64         `json:"cycle_ms"`
		Rules      coupon.Version `json:"rules,omitempty"`
		PayMs      uint64         `json:"pay_ms,omitempty"`
		Clearer    *uint16        `json:"clearer,omitempty"`
		NetMode    string         `json:"net_mode,omitempty"`
		Committee  committeeForm  `json:"committee"`
	}
	currencyForm struct {
		Number   uint16 `json:"numeric"`
		Letters  string `json:"letters"`
		Exponent uint8  `json:"exponent"`
	}
	memberForm struct {
		ID        int      `json:"id"`
		Name      string   `json:"name"`
		Roles     []string `json:"roles"`
		Keys      []string `json:"keys"`
		Threshold uint8    `json:"threshold"`
	}
	fundingForm struct {
		Member   uint16 `json:"member"`
		Currency string `json:"currency"`
		Limit    string `json:"limit"`
	}
	tillForm struct {
		Key        string   `json:"key"`
		Member     uint16   `json:"member"`
		Store      uint16   `json:"store"`
		Label      string   `json:"label"`
		Rights     []string `json:"rights"`
		Currency   string   `json:"currency"`
		DayCap     string   `json:"day_cap"`
		ValidFrom  string   `json:"valid_from"`
		ValidUntil string   `json:"valid_until"`
	}
	committeeForm struct {
		Validators         []validatorForm `json:"validators"`
		Faults             int             `json:"faults"`
		FastFaults         int             `json:"fast_faults"`
		Window             uint64          `json:"window"`
		Tenure             uint64          `json:"tenure"`
		CheckpointInterval uint64          `json:"checkpoint_interval"`
		ExecutionLag       uint64          `json:"execution_lag"`
		PrecisionMs        uint64          `json:"precision_ms"`
		DelayMs            uint64          `json:"delay_ms"`
		PayloadBytesMax    uint32          `json:"payload_bytes_max"`
		Engine             string          `json:"engine,omitempty"`
	}
	validatorForm struct {
		Member uint16 `json:"member"`
		Key    string `json:"key"`
	}
)

// fileForm returns the form of a valid file.
func fileForm(f *File) rootForm {
	l := &f.Ledger
	root := rootForm{
		Format: format, Name: f.Name, Time: formatTime(f.TimeMs),
		Funding: []fundingForm{}, Tills: []tillForm{},
		HolderLife: l.LifeMs, MemberLife: l.MemberLifeMs, Cycle: l.CycleMs,
		Committee: formOfCommittee(&f.Committee),
	}
	if l.Rules >= coupon.Version2 {
		s := &l.Settlement
		root.Rules, root.PayMs, root.Clearer, root.NetMode = l.Rules, s.PayMs, &s.Clearer, s.NetMode.String()
	}
	for _, c := range l.Currencies {
		root.Currencies = append(root.Currencies, currencyForm(c))
	}
	for i, m := range l.Members {
		form := memberForm{ID: i + 1, Name: m.Name, Roles: coupon.BitNames(m.Roles, coupon.RoleNames()),
			Threshold: m.Threshold}
		for _, key := range m.Keys {
			form.Keys = append(form.Keys, keys.Encode(keys.Member, key))
		}
		root.Members = append(root.Members, form)
	}
	for _, v := range l.Funding {
		c := f.Currency(v.Currency)
		root.Funding = append(root.Funding, fundingForm{v.Member, c.Letters, units.Decimal(v.Limit, c.Exponent)})
	}
	for _, t := range l.Tills {
		c := f.Currency(t.Currency)
		root.Tills = append(root.Tills, tillForm{
			Key: keys.Encode(keys.Till, t.Key), Member: t.Member, Store: t.Store, Label: t.Label,
			Rights: coupon.BitNames(t.Rights, coupon.RightNames()), Currency: c.Letters,
			DayCap:    units.Decimal(t.DayCap, c.Exponent),
			ValidFrom: formatTime(t.ValidFrom), ValidUntil: formatTime(t.ValidUntil),
		})
	}
	return root
}

func formOfCommittee(c *Committee) committeeForm {
	form := committeeForm{
		Faults: c.Faults, FastFaults: c.FastFaults, Window: c.Window, Tenure: c.Tenure,
		CheckpointInterval: c.CheckpointInterval, ExecutionLag: c.ExecutionLag,
		PrecisionMs: c.PrecisionMs, DelayMs: c.DelayMs, PayloadBytesMax: c.PayloadBytesMax,
	}
	if c.Protocol != pbft.DualPath {
		form.Engine = c.Protocol.String()
	}
	for _, v := range c.Validators {
		form.Validators = append(form.Validators, validatorForm{v.Member, keys.Encode(keys.Validator, v.Key)})
	}
	return form
}

package client

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/units"
)

// SettlementFormat is the format of a settlement file.
const SettlementFormat = "scrip-settlement/v1"

// Bounds of settlements that are read.
const (
	// SettlementItemsMax is the most items of a cycle that a client fetches or reads.
	SettlementItemsMax = 1 << 20
	// SettlementFileBytesMax bounds a settlement file.
	SettlementFileBytesMax = 256 << 20
	itemsPageMax           = 500
)

// ItemAnswer is one line of a settlement as a node shows it.
type ItemAnswer struct {
	Number   uint32 `json:"number" doc:"Its place among the cycle's items, from 0"`
	Currency uint16 `json:"currency" doc:"ISO 4217 number"`
	Kind     string `json:"kind" enum:"redemptions,refunds" doc:"What a funder owes a merchant, or gets back of it"`
	Campaign uint32 `json:"campaign"`
	Payer    uint16 `json:"payer"`
	Payee    uint16 `json:"payee"`
	Amount   U64    `json:"amount" doc:"Minor units"`
}

// itemKinds are the kinds of items as answers name them.
var itemKinds = []string{"redemptions", "refunds"}

// ItemAnswerOf shows an item.
func ItemAnswerOf(number uint32, i *coupon.SettlementItem) ItemAnswer {
	return ItemAnswer{number, i.Currency, itemKinds[min(int(i.Kind), len(itemKinds)-1)], i.Campaign, i.Payer, i.Payee,
		U64(i.Amount)}
}

// item reads an item of a cycle back.
func (a *ItemAnswer) item(cycle uint32) coupon.SettlementItem {
	kind := coupon.ItemRedemptions
	if a.Kind == itemKinds[coupon.ItemRefunds] {
		kind = coupon.ItemRefunds
	}
	return coupon.SettlementItem{Cycle: cycle, Currency: a.Currency, Kind: kind, Campaign: a.Campaign, Payer: a.Payer,
		Payee: a.Payee, Amount: uint64(a.Amount)}
}

// Settlement is a closed cycle with all its items, which its row proves.
type Settlement struct {
	Number uint32
	coupon.Cycle
	List  []coupon.SettlementItem
	Books coupon.SettlementBooks
	// Proof shows the row.
	Proof *State
}

// ErrNotClosed says that a settlement cycle is not closed yet.
var ErrNotClosed = errors.New("the cycle is not closed")

// Settlement returns a closed cycle with all its items, proven complete. Errors are those of
// Coupon, or wrap ErrNotClosed.
func (c *Client) Settlement(ctx context.Context, cycle uint32) (*Settlement, error) {
	row, proof, err := c.Cycle(ctx, cycle)
	if err != nil {
		return nil, err
	}
	if row.State != coupon.CycleClosed {
		return nil, fmt.Errorf("cycle %d: %w", cycle, ErrNotClosed)
	}
	if row.Items > SettlementItemsMax {
		return nil, fmt.Errorf("cycle %d has %d items, this program reads at most %d", cycle, row.Items, SettlementItemsMax)
	}
	x, errs := race(ctx, c, func(ctx context.Context, n *endpoint) (*Settlement, error) {
		list, err := c.itemsFrom(ctx, n, cycle, row.Items)
		if err != nil {
			return nil, err
		}
		return settlementOf(cycle, row, list, proof)
	}, nil)
	if x == nil {
		return nil, failed(fmt.Sprintf("read the items of cycle %d", cycle), errs)
	}
	return x, nil
}

func (c *Client) itemsFrom(ctx context.Context, n *endpoint, cycle, count uint32) ([]coupon.SettlementItem, error) {
	list := make([]coupon.SettlementItem, 0, min(count, itemsPageMax))
	cursor := ""
	for uint32(len(list)) < count {
		q := url.Values{"limit": {strconv.Itoa(itemsPageMax)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page struct {
			Items []ItemAnswer `json:"items"`
			Next  string       `json:"next_cursor"`
		}
		path := "/v1/cycles/" + strconv.FormatUint(uint64(cycle), 10) + "/items"
		if err := c.do(ctx, n, request{method: http.MethodGet, path: path, query: q}, &page); err != nil {
			return nil, err
		}
		for i := range page.Items {
			if uint32(len(list)) == count {
				break
			}
			list = append(list, page.Items[i].item(cycle))
		}
		if cursor = page.Next; cursor == "" || len(page.Items) == 0 {
			break
		}
	}
	return list, nil
}

// settlementOf checks items against the proven row of their cycle.
func settlementOf(cycle uint32, row coupon.Cycle, list []coupon.SettlementItem, proof *State) (*Settlement, error) {
	if uint32(len(list)) != row.Items || coupon.ItemsRoot(list) != row.Root {
		return nil, fmt.Errorf("%w: these are not the items of cycle %d", ErrFalse, cycle)
	}
	return &Settlement{Number: cycle, Cycle: row, List: list, Books: coupon.BooksOf(row.NetMode, list), Proof: proof}, nil
}

// SettlementFile is a closed cycle to keep and to hand on, with what it means for one
// member: whoever has the genesis file checks it without any network. What counts are
// Items, Proof and Header; Chain and Statement follow from them, and a reader refuses a file
// in which they are anything else.
type SettlementFile struct {
	Format    string              `json:"format"`
	Chain     string              `json:"chain"`
	Statement SettlementStatement `json:"statement"`
	Items     []byte              `json:"items"`
	Proof     []byte              `json:"proof"`
	Header    []byte              `json:"header"`
}

// SettlementStatement is what a closed cycle means for a member. It follows from the cycle's
// items alone, so that all nodes give the same one, to the byte.
type SettlementStatement struct {
	Member     uint16               `json:"member"`
	Cycle      uint32               `json:"cycle"`
	Begins     Time                 `json:"begins"`
	Ends       Time                 `json:"ends"`
	ClosedAt   Time                 `json:"closed_at"`
	NetMode    string               `json:"net_mode"`
	Items      uint32               `json:"items"`
	Root       Hash                 `json:"root"`
	Currencies []SettlementCurrency `json:"currencies"`
}

// SettlementCurrency is a member's part of a cycle in one currency. Amounts are decimal, in
// whole units of the currency.
type SettlementCurrency struct {
	Currency string           `json:"currency"`
	Out      string           `json:"out"`
	In       string           `json:"in"`
	Debts    []SettlementDebt `json:"debts"`
	Lines    []SettlementLine `json:"lines"`
}

// SettlementDebt is what the member has to pay, or is paid.
type SettlementDebt struct {
	Book   uint8  `json:"book"`
	Payer  uint16 `json:"payer"`
	Payee  uint16 `json:"payee"`
	Amount string `json:"amount"`
}

// SettlementLine is an item that is about the member.
type SettlementLine struct {
	Number   uint32 `json:"number"`
	Kind     string `json:"kind"`
	Campaign uint32 `json:"campaign"`
	Payer    uint16 `json:"payer"`
	Payee    uint16 `json:"payee"`
	Amount   string `json:"amount"`
}

// StatementOf returns what a settlement means for a member.
func (v *Verifier) StatementOf(x *Settlement, member uint16) SettlementStatement {
	cycleMs := v.genesis.File.Ledger.CycleMs
	s := SettlementStatement{Member: member, Cycle: x.Number, Begins: TimeOf(uint64(x.Number) * cycleMs),
		Ends: TimeOf((uint64(x.Number) + 1) * cycleMs), ClosedAt: TimeOf(x.ClosedAt), NetMode: x.NetMode.String(),
		Items: x.Items, Root: x.Root, Currencies: []SettlementCurrency{}}
	at := map[uint16]int{}
	in := func(number uint16) (*SettlementCurrency, coupon.Currency) {
		currency := v.genesis.File.Currency(number)
		if _, ok := at[number]; !ok {
			at[number] = len(s.Currencies)
			s.Currencies = append(s.Currencies, SettlementCurrency{Currency: currency.Letters,
				Out: units.Decimal(0, currency.Exponent), In: units.Decimal(0, currency.Exponent),
				Debts: []SettlementDebt{}, Lines: []SettlementLine{}})
		}
		return &s.Currencies[at[number]], currency
	}
	for n := range x.List {
		if i := &x.List[n]; i.Payer == member || i.Payee == member {
			c, currency := in(i.Currency)
			c.Lines = append(c.Lines, SettlementLine{uint32(n), itemKinds[i.Kind], i.Campaign, i.Payer, i.Payee,
				units.Decimal(i.Amount, currency.Exponent)})
		}
	}
	for i := range x.Books.Positions {
		if p := &x.Books.Positions[i]; p.Member == member {
			c, currency := in(p.Currency)
			c.Out, c.In = units.Decimal(p.Out, currency.Exponent), units.Decimal(p.In, currency.Exponent)
		}
	}
	for i := range x.Books.Debts {
		if d := &x.Books.Debts[i]; d.Payer == member || d.Payee == member {
			c, currency := in(d.Currency)
			c.Debts = append(c.Debts, SettlementDebt{d.Book, d.Payer, d.Payee, units.Decimal(d.Amount, currency.Exponent)})
		}
	}
	return s
}

// CSV returns the lines of a statement as a table (RFC 4180), the same on all nodes.
func (s *SettlementStatement) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	row := func(cells ...any) {
		text := make([]string, len(cells))
		for i, c := range cells {
			text[i] = fmt.Sprint(c)
		}
		_ = w.Write(text) // a buffer takes all
	}
	row("cycle", "currency", "what", "number", "campaign", "payer", "payee", "amount")
	for _, c := range s.Currencies {
		for _, l := range c.Lines {
			row(s.Cycle, c.Currency, l.Kind, l.Number, l.Campaign, l.Payer, l.Payee, l.Amount)
		}
		for _, d := range c.Debts {
			row(s.Cycle, c.Currency, "debt in book "+strconv.Itoa(int(d.Book)), "", "", d.Payer, d.Payee, d.Amount)
		}
	}
	w.Flush()
	return b.Bytes()
}

// EncodeSettlementFile returns the file of a settlement for a member. It ends with a newline.
func (v *Verifier) EncodeSettlementFile(x *Settlement, member uint16) ([]byte, error) {
	f := SettlementFile{Format: SettlementFormat, Chain: v.genesis.File.Name, Statement: v.StatementOf(x, member),
		Proof: x.Proof.Proof.Encode(), Header: x.Proof.Header}
	for i := range x.List {
		f.Items = x.List[i].AppendTo(f.Items)
	}
	b, err := json.MarshalIndent(&f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write settlement file: %w", err)
	}
	return append(b, '\n'), nil
}

// ReadSettlementFile checks a settlement file against the genesis file alone. A file has one
// form: one of which any byte was changed is refused. Errors wrap ErrFalse.
func (v *Verifier) ReadSettlementFile(b []byte) (*Settlement, *SettlementStatement, error) {
	x, f, err := v.readSettlement(b)
	if err != nil {
		return nil, nil, fmt.Errorf("read settlement file: %w: %w", ErrFalse, err)
	}
	again, err := v.EncodeSettlementFile(x, f.Statement.Member)
	if err == nil && !bytes.Equal(again, b) {
		err = fmt.Errorf("%w: it is not what its proof and items give", ErrFalse)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read settlement file: %w", err)
	}
	return x, &f.Statement, nil
}

func (v *Verifier) readSettlement(b []byte) (*Settlement, *SettlementFile, error) {
	if len(b) > SettlementFileBytesMax {
		return nil, nil, fmt.Errorf("%d bytes, at most %d", len(b), SettlementFileBytesMax)
	}
	f := new(SettlementFile)
	if err := json.Unmarshal(b, f); err != nil {
		return nil, nil, err
	}
	proof, err := v.State(coupon.CycleKey(f.Statement.Cycle), f.Proof, f.Header)
	if err != nil {
		return nil, nil, err
	}
	row, err := coupon.DecodeCycle(proof.Value)
	if err != nil {
		return nil, nil, err
	}
	if row.State != coupon.CycleClosed || len(f.Items)%coupon.SettlementItemSize != 0 ||
		len(f.Items)/coupon.SettlementItemSize > SettlementItemsMax {
		return nil, nil, ErrNotClosed
	}
	var list []coupon.SettlementItem
	for rest := f.Items; len(rest) > 0; rest = rest[coupon.SettlementItemSize:] {
		i, err := coupon.DecodeSettlementItem(rest[:coupon.SettlementItemSize])
		if err != nil {
			return nil, nil, err
		}
		list = append(list, i)
	}
	x, err := settlementOf(f.Statement.Cycle, row, list, proof)
	return x, f, err
}

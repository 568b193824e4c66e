package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
)

func newBlockCommand(a *App) *cobra.Command {
	c := group("block", "Look at blocks, each checked against the members' signatures", newBlockShowCommand(a),
		newBlockListCommand(a), newBlockReceiptsCommand(a))
	c.Use = "block [HEIGHT|latest]"
	holdOthers := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 1 && isHeight(args[0]) {
			return nil
		}
		return holdOthers(c, args)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return a.readBlock(c.Context(), args[0])
	}
	return c
}

// isHeight reports whether a text can be a height.
func isHeight(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil || s == "latest"
}

// blockAnswer is what is told of a block; the fields are stable.
type blockAnswer struct {
	Height      client.U64      `json:"height"`
	Digest      client.Hash     `json:"digest"`
	Parent      client.Hash     `json:"parent"`
	Time        client.Time     `json:"time"`
	View        client.U64      `json:"view"`
	TxCount     int             `json:"tx_count"`
	Accepted    int             `json:"accepted"`
	StateRoot   *client.Hash    `json:"state_root,omitempty"`
	ReceiptRoot *client.Hash    `json:"receipt_root,omitempty"`
	Signers     []string        `json:"signers"`
	Txs         []blockTxAnswer `json:"txs,omitempty"`
}

// blockTxAnswer is a transaction of a block.
type blockTxAnswer struct {
	Index  int            `json:"index"`
	Tx     client.Hash    `json:"tx"`
	Kind   string         `json:"kind"`
	Code   string         `json:"code"`
	Effect *client.Effect `json:"effect,omitempty"`
}

func blockAnswerOf(v *client.Verifier, b *client.Block) blockAnswer {
	x := blockAnswer{Height: client.U64(b.Height), Digest: b.Digest, Parent: client.Hash(b.Header.Parent),
		Time: client.TimeOf(b.Header.TimeMs), View: client.U64(b.Header.View), TxCount: len(b.Txs), Signers: []string{}}
	if b.Checkpoint != nil {
		x.StateRoot, x.ReceiptRoot = (*client.Hash)(&b.Checkpoint.StateRoot), (*client.Hash)(&b.Checkpoint.ReceiptRoot)
		x.Signers = signerNames(v, b.Checkpoint)
	}
	for i := range b.Outcomes {
		o := &b.Outcomes[i]
		kind := "?"
		if tx, err := v.Chain().CheckTx(b.Txs[i]); err == nil {
			kind = tx.Kind.String()
		}
		if o.Code == 0 {
			x.Accepted++
		}
		x.Txs = append(x.Txs, blockTxAnswer{i, o.ID, kind, o.Code.String(), client.EffectOf(o)})
	}
	return x
}

func newBlockShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show HEIGHT|latest", Short: "Show a block with its transactions", Args: arguments("HEIGHT"),
		RunE: func(c *cobra.Command, args []string) error { return a.readBlock(c.Context(), args[0]) },
	}
}

func (a *App) readBlock(ctx context.Context, text string) error {
	c, err := a.Client()
	if err != nil {
		return err
	}
	height, err := blockHeight(ctx, c, text)
	if err != nil {
		return err
	}
	b, err := c.Block(ctx, height)
	if err != nil {
		return err
	}
	return a.showBlock(c.Verifier, b)
}

// blockHeight reads a height; "latest" is that of the newest proven state.
func blockHeight(ctx context.Context, c *client.Client, text string) (uint64, error) {
	if text == "latest" {
		_, _, s, err := c.Counts(ctx)
		if err != nil {
			return 0, err
		}
		return s.Height, nil
	}
	height, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, usageError("%q is no height: wanted a number, or latest", text)
	}
	return height, nil
}

func (a *App) showBlock(v *client.Verifier, b *client.Block) error {
	x := blockAnswerOf(v, b)
	if !a.ForPeople() {
		return a.Show(x, nil)
	}
	signed := "nobody: the genesis is what the file says"
	if len(x.Signers) > 0 {
		signed = fmt.Sprintf("%d of %d members: %s", len(x.Signers), v.Committee().Size(), strings.Join(x.Signers, ", "))
	}
	fields := Fields{{"block", a.bold(strconv.FormatUint(b.Height, 10))}, {"time", when(uint64(x.Time.Ms))},
		{"digest", x.Digest.String()}, {"parent", x.Parent.String()}, {"view", fmt.Sprint(x.View)}, {"attested by", signed},
		{"transactions", fmt.Sprintf("%d, %d accepted", x.TxCount, x.Accepted)}}
	if err := a.showFields(fields); err != nil || len(x.Txs) == 0 {
		return err
	}
	rows := Rows{Head: []string{"#", "KIND", "OUTCOME", "TRANSACTION"}}
	for _, t := range x.Txs {
		rows.Body = append(rows.Body, []string{strconv.Itoa(t.Index), t.Kind, t.Code, t.Tx.String()})
	}
	return a.showRows(rows)
}

func newBlockListCommand(a *App) *cobra.Command {
	var from uint64
	var count int
	c := &cobra.Command{
		Use: "list", Short: "List the newest blocks, or those from a height on", Args: arguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			if count < 1 || count > 1000 {
				return usageError("--count is 1 to 1000, not %d", count)
			}
			cl, err := a.Client()
			if err != nil {
				return err
			}
			_, _, s, err := cl.Counts(c.Context())
			if err != nil {
				return err
			}
			first := from
			if !c.Flags().Changed("from") {
				first = s.Height - min(s.Height, uint64(count-1))
			}
			return a.listBlocks(c.Context(), cl, first, min(s.Height, first+uint64(count)-1))
		},
	}
	c.Flags().Uint64Var(&from, "from", 0, "first height; default: the newest blocks")
	c.Flags().IntVar(&count, "count", 10, "how many blocks")
	return c
}

func (a *App) listBlocks(ctx context.Context, c *client.Client, first, last uint64) error {
	var all []blockAnswer
	rows := Rows{Head: []string{"HEIGHT", "TIME", "TXS", "ACCEPTED", "SIGNED BY", "DIGEST"}, Empty: "no blocks there yet"}
	for h := first; h <= last; h++ {
		b, err := c.Block(ctx, h)
		if err != nil {
			return err
		}
		x := blockAnswerOf(c.Verifier, b)
		x.Txs = nil
		all = append(all, x)
		rows.Body = append(rows.Body, []string{strconv.FormatUint(h, 10), when(uint64(x.Time.Ms)), strconv.Itoa(x.TxCount),
			strconv.Itoa(x.Accepted), strconv.Itoa(len(x.Signers)), shortened(x.Digest.String())})
	}
	return ShowAll(a, all, rows)
}

package cli

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/demo"
)

func newBenchFillCommand(a *App) *cobra.Command {
	coupons := 100_000
	c := &cobra.Command{
		Use: "fill DIR", Short: "Make the folder of a demonstration with very many coupons", Args: arguments("DIR"),
		Long: "Make the folder of a demonstration whose ledger holds very many coupons, campaigns, tills\n" +
			"and redemptions. Its blocks are real and signed by all validators; only the agreement is\n" +
			"left out, which takes the time. A million coupons take about a gigabyte and minutes.",
		Example: "  scrip bench fill ./crowd --coupons 1000000\n  scrip demo --state ./crowd",
		RunE:    func(_ *cobra.Command, args []string) error { return a.runFill(args[0], coupons) },
	}
	c.Flags().IntVar(&coupons, "coupons", coupons,
		fmt.Sprintf("how many coupons, %d to %d", demo.CouponsMin, demo.CouponsMax))
	return c
}

func (a *App) runFill(dir string, coupons int) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	p := a.Progress("filling")
	begin := time.Now()
	s, err := demo.Fill(dir, coupons, uint64(begin.Add(-time.Minute*5).UnixMilli()), func(done, total int) {
		p.Set(done, total, "transactions")
	})
	p.Done()
	if err != nil {
		return err
	}
	return a.Show(s, Fields{
		{"coupons", fmt.Sprintf("%d, of which %d in campaign 1 of %d", s.Coupons, s.Large, s.Campaigns)},
		{"redeemed", fmt.Sprintf("%d at %d tills", s.Redeemed, s.Tills)},
		{"took", time.Since(begin).Round(time.Millisecond).String()},
		{"next", "scrip demo --state " + dir},
	})
}

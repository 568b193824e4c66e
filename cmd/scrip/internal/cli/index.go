package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/index"
)

// indexOptions are the flags of the index command.
type indexOptions struct {
	url, level  string
	once, check bool
}

func newIndexCommand(a *App) *cobra.Command {
	o := &indexOptions{level: "info"}
	c := &cobra.Command{
		Use: "index", Short: "Keep the ledger as tables of a PostgreSQL database", Args: arguments(),
		Long: "Keep the ledger as tables of a PostgreSQL database, in the schema scrip: campaigns, coupons,\n" +
			"redemptions, events, and views for what merchants ask. It runs beside any node and believes\n" +
			"none, goes on where it was, and has each block exactly once.\n\n" +
			"The connection string is PostgreSQL's own; the password comes from a password file or\n" +
			"PGPASSWORD, never from the command line.",
		Example: "  scrip index --postgres postgres://scrip@db.example/ledger\n" +
			"  scrip index --postgres 'host=/run/postgresql dbname=ledger' --once --check",
		RunE: func(c *cobra.Command, _ []string) error { return a.runIndex(c.Context(), o) },
	}
	c.Flags().StringVar(&o.url, "postgres", "", "connection string (SCRIP_POSTGRES)")
	c.Flags().BoolVar(&o.once, "once", false, "end when the tables are at the present height of the chain")
	c.Flags().BoolVar(&o.check, "check", false,
		"compare the tables with the proven state of the chain at its present height, and end")
	c.Flags().StringVar(&o.level, "log-level", o.level, "least level of what is logged: debug, info, warn, error")
	return c
}

// postgres returns the connection string, which holds no password if it was on the command
// line, where others can read it.
func (o *indexOptions) postgres() (string, error) {
	if o.url == "" {
		if given := os.Getenv("SCRIP_POSTGRES"); given != "" {
			return given, nil
		}
		return "", usageError("--postgres is missing: which database, such as postgres://scrip@db.example/ledger?")
	}
	err := index.CheckArgument(o.url)
	switch {
	case errors.Is(err, index.ErrPassword):
		return "", &Error{Exit: ExitUsage, Cause: err,
			Remedy: "Put it into ~/.pgpass, PGPASSWORD, or the whole string into SCRIP_POSTGRES."}
	case err != nil:
		return "", &Error{Exit: ExitUsage, Cause: err}
	}
	return o.url, nil
}

func (a *App) runIndex(ctx context.Context, o *indexOptions) (err error) {
	database, err := o.postgres()
	if err != nil {
		return err
	}
	c, err := a.Client()
	if err != nil {
		return err
	}
	x, err := index.Open(ctx, database, c.Genesis())
	if err != nil {
		return explainIndex(err)
	}
	defer func() { err = errors.Join(err, x.Close(context.WithoutCancel(ctx))) }()
	until := uint64(0)
	if o.once || o.check {
		_, _, s, err := c.Counts(ctx)
		if err != nil {
			return err
		}
		until = s.Height
	}
	log := a.logger(o.level, "auto")
	log.Info("indexing", "from", x.Height()+1)
	if err := x.Run(ctx, c, until, log); err != nil {
		return explainIndex(err)
	}
	return a.indexed(ctx, x, c, o)
}

// indexed tells how far the tables are, and what was compared.
func (a *App) indexed(ctx context.Context, x *index.Index, c *client.Client, o *indexOptions) error {
	if !o.check {
		return a.Show(map[string]uint64{"height": x.Height()}, Fields{{"height", strconv.FormatUint(x.Height(), 10)}})
	}
	done, err := x.Check(ctx, c)
	if err != nil {
		return explainIndex(err)
	}
	return a.Show(done, Fields{{"height", strconv.FormatUint(done.Height, 10)}, {"compared",
		fmt.Sprintf("%s and %s with what a quorum attests: the same", plural(done.Campaigns, "campaign"),
			plural(done.Obligations, "obligation"))}})
}

// explainIndex says what to do about an error of the tables.
func explainIndex(err error) error {
	switch {
	case errors.Is(err, index.ErrForeign):
		return &Error{Exit: ExitUsed, Cause: err, Remedy: "Name the database of this chain, or an empty one."}
	case errors.Is(err, index.ErrBusy):
		return &Error{Exit: ExitUsed, Cause: err, Remedy: "One process fills a database; any number may read it."}
	case errors.Is(err, index.ErrNewer):
		return &Error{Exit: ExitUsed, Cause: err, Remedy: "Run the newer program."}
	case errors.Is(err, index.ErrDiffers), errors.Is(err, index.ErrGap):
		return &Error{Exit: ExitOther, Cause: err,
			Remedy: "Somebody has changed the tables, or this is a fault: DROP SCHEMA scrip CASCADE derives them anew."}
	}
	return err
}

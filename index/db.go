package index

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
)

//go:embed migrations/*.sql
var migrations embed.FS

// lockKey is that of the advisory lock by which a database has one indexer: "scripidx".
const lockKey = 0x7363726970696478

// Errors of an Index, compared with errors.Is.
var (
	// ErrForeign says that the tables are of another chain.
	ErrForeign = errors.New("the tables are of another chain")
	// ErrBusy says that another process fills the tables.
	ErrBusy = errors.New("another process fills these tables")
	// ErrNewer says that the tables were made by a newer program.
	ErrNewer = errors.New("the tables were made by a newer program")
	// ErrGap says that a block is not the child of the last one in the tables.
	ErrGap = errors.New("the block does not follow the last one in the tables")
)

// ErrPassword says that a connection string holds a password.
var ErrPassword = errors.New("a password on the command line can be read by others")

// CheckArgument reports what is wrong with a connection string that stands on a command
// line: ErrPassword if it holds a password, or that it is none. The error does not repeat it.
func CheckArgument(text string) error {
	if u, err := url.Parse(text); err == nil {
		if _, secret := u.User.Password(); secret {
			return ErrPassword
		}
	}
	if strings.Contains(strings.ToLower(text), "password") {
		return ErrPassword
	}
	if _, err := pgx.ParseConfig(text); err != nil {
		return errors.New("not a connection string, such as postgres://scrip@db.example/ledger")
	}
	return nil
}

// Index is the tables of a chain in a database, in the schema scrip. It is not safe for
// concurrent use; one process fills them.
type Index struct {
	conn   *pgx.Conn
	digest [32]byte
	cycle  uint64 // ms
	height uint64
	block  [32]byte

	offers map[uint32]offer
	tills  map[[32]byte]till
}

// offer is what coupons of a campaign begin with.
type offer struct {
	uses   uint16
	face   uint64
	stored bool
	// relativeMs and redeemUntil say when they end, Unix milliseconds.
	relativeMs, redeemUntil uint64
}

// until returns the end of a coupon that is issued at a time (rules 3.9).
func (o *offer) until(ms uint64) uint64 {
	return coupon.Until(&coupon.Coupon{ClaimedAt: ms}, &coupon.Terms{RelativeMs: o.relativeMs},
		&coupon.Campaign{RedeemUntil: o.redeemUntil})
}

// till is where a till stands.
type till struct {
	member, store uint16
}

// Open connects to a database, makes the tables or brings them up to date, and takes them for
// this process. url is a connection string as PostgreSQL's own tools have it; what it does not
// say the usual variables and files do. Errors: ErrForeign, ErrBusy, ErrNewer, or the
// database's.
func Open(ctx context.Context, url string, g *genesis.Genesis) (*Index, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	x := &Index{conn: conn, digest: g.Digest, cycle: g.File.Ledger.CycleMs, offers: make(map[uint32]offer),
		tills: make(map[[32]byte]till)}
	if err := x.open(ctx, g); err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return x, nil
}

// Close ends the connection, and with it the hold on the tables.
func (x *Index) Close(ctx context.Context) error { return x.conn.Close(ctx) }

// Height returns up to where the tables are whole.
func (x *Index) Height() uint64 { return x.height }

func (x *Index) open(ctx context.Context, g *genesis.Genesis) error {
	held := false
	if err := x.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(lockKey)).Scan(&held); err != nil {
		return fmt.Errorf("take the tables: %w", err)
	}
	if !held {
		return ErrBusy
	}
	if err := x.migrate(ctx); err != nil {
		return err
	}
	return x.inTransaction(ctx, "open the tables", func(tx pgx.Tx) error {
		var digest, block []byte
		var height int64
		err := tx.QueryRow(ctx, "SELECT digest, height, block FROM scrip.chain").Scan(&digest, &height, &block)
		if errors.Is(err, pgx.ErrNoRows) {
			return x.begin(ctx, tx, g)
		}
		if err != nil {
			return err
		}
		if string(digest) != string(g.Digest[:]) {
			return ErrForeign
		}
		x.height = uint64(height)
		copy(x.block[:], block)
		return x.load(ctx, tx)
	})
}

// inTransaction does something in a transaction, all of it or nothing.
func (x *Index) inTransaction(ctx context.Context, what string, do func(tx pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, x.conn, do); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// migrate brings the tables to the version of this program, one migration a transaction.
func (x *Index) migrate(ctx context.Context) error {
	if _, err := x.conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS scrip; "+
		"CREATE TABLE IF NOT EXISTS scrip.migrations (version integer PRIMARY KEY, name text NOT NULL)"); err != nil {
		return fmt.Errorf("make the schema: %w", err)
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list the migrations: %w", err)
	}
	var done int
	if err := x.conn.QueryRow(ctx, "SELECT count(*) FROM scrip.migrations").Scan(&done); err != nil {
		return fmt.Errorf("read the version of the tables: %w", err)
	}
	if done > len(names) {
		return fmt.Errorf("%w: version %d, this one knows %d", ErrNewer, done, len(names))
	}
	for i := done; i < len(names); i++ {
		name := strings.TrimPrefix(names[i], "migrations/")
		if err := x.inTransaction(ctx, "migrate to "+name, func(tx pgx.Tx) error {
			script, err := migrations.ReadFile(names[i])
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, string(script)); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "INSERT INTO scrip.migrations VALUES ($1, $2)", i+1, name)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// begin fills in what the genesis file says.
func (x *Index) begin(ctx context.Context, tx pgx.Tx, g *genesis.Genesis) error {
	b := &pgx.Batch{}
	b.Queue("INSERT INTO scrip.chain (digest, name, cycle_ms, height, block) VALUES ($1, $2, $3, 0, $4)", x.digest[:],
		g.File.Name, int64(x.cycle), x.block[:])
	for _, c := range g.File.Ledger.Currencies {
		b.Queue("INSERT INTO scrip.currencies VALUES ($1, $2, $3)", int(c.Number), c.Letters, int(c.Exponent))
	}
	for _, c := range coupon.Codes() {
		b.Queue("INSERT INTO scrip.codes VALUES ($1, $2, $3)", c.Code.String(), c.Name, c.Word)
	}
	for i, m := range g.File.Ledger.Members { // their numbers are 1, 2, ...
		b.Queue("INSERT INTO scrip.members VALUES ($1, $2, $3)", i+1, m.Name, coupon.BitNames(m.Roles, coupon.RoleNames()))
	}
	for _, t := range g.File.Ledger.Tills {
		x.tills[t.Key] = till{t.Member, t.Store}
		b.Queue("INSERT INTO scrip.tills VALUES ($1, $2, $3, $4, $5, $6, 0)", t.Key[:], int(t.Member), int(t.Store),
			int(t.Currency), coupon.BitNames(t.Rights, coupon.RightNames()), t.Label)
	}
	return tx.SendBatch(ctx, b).Close()
}

// load reads what is asked for again and again.
func (x *Index) load(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "SELECT till, member, store FROM scrip.tills")
	if err != nil {
		return err
	}
	var key []byte
	var member, store int
	_, err = pgx.ForEachRow(rows, []any{&key, &member, &store}, func() error {
		x.tills[[32]byte(key)] = till{uint16(member), uint16(store)}
		return nil
	})
	if err != nil {
		return err
	}
	if rows, err = tx.Query(ctx, "SELECT campaign, uses, face, kind = 'STORED', relative_ms, redeem_until "+
		"FROM scrip.campaigns"); err != nil {
		return err
	}
	var campaign, face, relative int64
	var uses int
	var stored bool
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&campaign, &uses, &face, &stored, &relative, &until}, func() error {
		x.offers[uint32(campaign)] = offer{uint16(uses), uint64(face), stored, uint64(relative), uint64(until.UnixMilli())}
		return nil
	})
	return err
}

// number returns a height or an amount as the database has it.
func number(v uint64) (int64, error) {
	if v > math.MaxInt64 {
		return 0, fmt.Errorf("%d is more than the rules of the chain allow", v)
	}
	return int64(v), nil
}

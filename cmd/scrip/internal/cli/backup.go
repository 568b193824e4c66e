package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/backup"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/validator"
)

// backupAnswer is what is told of a backup; the fields are stable.
type backupAnswer struct {
	File   string `json:"file"`
	Chain  string `json:"chain"`
	Digest string `json:"digest"`
	// Replica is the number of the home's validator, null if the key has no seat.
	Replica *int `json:"replica"`
	// Height is that of the ledger in it, null without one.
	Height *client.U64 `json:"height"`
	Files  []string    `json:"files"`
	// LedgerFiles are counted, not listed.
	LedgerFiles int         `json:"ledger_files"`
	Bytes       client.U64  `json:"bytes"`
	Size        client.U64  `json:"size,omitempty"`
	Left        []string    `json:"left_out"`
	Made        client.Time `json:"made"`
	Dry         bool        `json:"dry_run,omitempty"`
}

func (x *backupAnswer) describe(m *backup.Manifest) {
	x.Chain, x.Digest, x.Made = m.Name, hexDigest(m.Chain), client.TimeOf(m.MadeMs)
	if m.Seat != backup.NoSeat {
		x.Replica = &m.Seat
	}
	if m.Ledger {
		height := client.U64(m.Height)
		x.Height = &height
	}
}

func newBackupCommand(a *App) *cobra.Command {
	var opt validator.BackupOptions
	c := &cobra.Command{
		Use: "backup FILE", Short: "Back up the home of a member, encrypted", Args: arguments("FILE"),
		Long: "Back up the home of a member into one file, encrypted as a whole under a passphrase: settings,\n" +
			"genesis file, admin and till keys, profiles, texts of terms, and with --ledger the ledger. The\n" +
			"validator may run.\n\n" +
			"Never in it: the validator's key, its consensus log, the ticket desk. From copies of these a key would\n" +
			"sign, and serials would be given, twice. scrip restore makes a home of it with a new validator's key.",
		Example: "  scrip backup bakery.backup --home ./bakery\n" +
			"  scrip backup bakery.backup --home ./bakery --ledger --passphrase-file pass.txt",
		RunE: func(c *cobra.Command, args []string) error { return a.backUp(c, args[0], opt) },
	}
	c.Flags().BoolVar(&opt.Ledger, "ledger", false, "take the ledger too, as it stands; the validator may run")
	c.Flags().BoolVar(&opt.Dry, "dry-run", false, "say what would be in it, and write nothing")
	c.Flags().StringSliceVar(&opt.Without, "without", nil, "files of the folder keys to leave out, repeatable")
	return c
}

func (a *App) backUp(c *cobra.Command, file string, opt validator.BackupOptions) error {
	cfg, err := a.loadConfig(c)
	if err != nil {
		return err
	}
	if !opt.Dry || a.passphrasePath() != "" { // a dry run needs it for key files alone
		if opt.Passphrase, err = a.newPassphrase("the backup"); err != nil {
			return err
		}
		if n := len([]rune(opt.Passphrase)); n < keys.PassphraseCharsMin {
			return usageError("the passphrase has %d characters; give %d or more, several words are best", n,
				keys.PassphraseCharsMin)
		}
	}
	if a.passphrasePath() == "" {
		opt.KeyPassphrase = a.passphrase
	}
	opt.Program = a.Version
	p := a.Progress("backing up")
	opt.Progress = func(done, total int64) { p.Set(int(done>>10), int(total>>10), "KiB written and read back") }
	found, err := cfg.Backup(c.Context(), file, opt)
	p.Done()
	if err != nil {
		return err
	}
	x := backupAnswer{File: file, Files: found.Files, LedgerFiles: found.LedgerFiles, Bytes: client.U64(found.Bytes),
		Size: client.U64(found.Size), Left: found.Left, Dry: opt.Dry}
	x.describe(&found.Manifest)
	fields := Fields{{"backup", file}}
	if opt.Dry {
		fields[0][1] += ", not written (--dry-run)"
	}
	fields = append(fields, Fields{{"chain", x.Chain}, {"digest", x.Digest}}...)
	fields = append(fields, x.contents()...)
	for i, left := range x.Left {
		name := ""
		if i == 0 {
			name = "left out"
		}
		fields = append(fields, [2]string{name, left})
	}
	return a.Show(x, append(fields, [2]string{"next", "keep it and its passphrase apart, away from this machine; try: " +
		"scrip restore " + file + " --dry-run"}))
}

// contents says what is in a backup.
func (x *backupAnswer) contents() Fields {
	fields := Fields{{"holds", strings.Join(x.Files, ", ")}}
	if x.Height != nil {
		fields = append(fields, [2]string{"ledger", fmt.Sprintf("to block %d, %s", *x.Height,
			plural(x.LedgerFiles, "file"))})
	}
	return append(fields, [2]string{"bytes", fmt.Sprint(x.Bytes)})
}

// restoreAnswer is what is told of a restored home; the fields are stable.
type restoreAnswer struct {
	Home string `json:"home,omitempty"`
	backupAnswer
	// Validator is the new key, empty in a dry run.
	Validator string   `json:"validator,omitempty"`
	Votes     bool     `json:"votes"`
	Next      []string `json:"next"`
}

func newRestoreCommand(a *App) *cobra.Command {
	dry, encrypt := false, false
	c := &cobra.Command{
		Use: "restore FILE", Short: "Make a home of a backup, with a new validator's key", Args: arguments("FILE"),
		Long: "Make a home of a backup where there is none. Its validator has a new key and a new consensus log, since\n" +
			"the old key may have signed what no backup knows. The genesis file does not name the new key: the home\n" +
			"follows the chain in the member's place, answers clients, and does not vote.",
		Example: "  scrip restore bakery.backup --home ./bakery\n  scrip restore bakery.backup --dry-run",
		RunE:    func(c *cobra.Command, args []string) error { return a.restore(c, args[0], dry, encrypt) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "read all of it, say what it holds, and write nothing")
	c.Flags().BoolVar(&encrypt, "encrypt", false,
		"encrypt the new validator's key with the backup's passphrase; the node then needs key.passphrase_file")
	return c
}

func (a *App) restore(c *cobra.Command, file string, dry, encrypt bool) error {
	opt := validator.RestoreOptions{Dry: dry}
	var err error
	if opt.Passphrase, err = a.passphrase("the backup"); err != nil {
		return err
	}
	if encrypt {
		opt.KeyPassphrase = opt.Passphrase
	}
	p := a.Progress("restoring")
	opt.Progress = func(done, total int64) { p.Set(int(done>>10), int(total>>10), "KiB read") }
	found, err := validator.Restore(c.Context(), file, a.Home, opt)
	p.Done()
	if err != nil {
		return err
	}
	x := restoreAnswer{Next: []string{}}
	x.File, x.Files, x.Dry, x.Left = file, found.Files, dry, []string{}
	x.LedgerFiles, x.Bytes = found.LedgerFiles, client.U64(found.Bytes)
	x.describe(&found.Manifest)
	fields := Fields{{"backup", fmt.Sprintf("%s of %s, whole", file, when(found.Manifest.MadeMs))}, {"chain", x.Chain},
		{"digest", x.Digest}}
	fields = append(fields, x.contents()...)
	if dry {
		return a.Show(x, append(fields, [2]string{"", "nothing was written (--dry-run)"}))
	}
	x.Home = a.Home
	x.Validator = keys.Encode(keys.Validator, found.Validator)
	x.Next = restoredNext(&x, found.Settings)
	fields = append(fields, Fields{{"home", a.Home}, {"new key", x.Validator},
		{"votes", "no: it follows the chain and signs nothing. The seat of the member stays with the old key."}}...)
	for i, step := range x.Next {
		fields = append(fields, [2]string{fmt.Sprintf("next %d", i+1), step})
	}
	return a.Show(x, fields)
}

// restoredNext are the steps to take with a restored home.
func restoredNext(x *restoreAnswer, settings []string) []string {
	var next []string
	has := func(key string) bool {
		for _, k := range settings {
			if k == key {
				return true
			}
		}
		return false
	}
	if !has("web.nodes") {
		next = append(next, "write into config.toml, under [web], where the other members' APIs are: nodes = "+
			"[\"0=https://node.example\"]")
	}
	next = append(next, "scrip node --home "+x.Home)
	if x.Replica == nil {
		next[len(next)-1] = "set follow in config.toml to the number of a validator, then: " + next[len(next)-1]
	}
	return append(next, "to vote again bring the old home itself back, if it still exists: on this chain (version 1) no "+
		"seat can be given another key yet. Until then the member counts as one that is down.")
}

func newLedgerCommand(a *App) *cobra.Command {
	return group("ledger", "Check a ledger on this machine", newLedgerCheckCommand(a))
}

// ledgerAnswer is what a ledger was found to be; the fields are stable.
type ledgerAnswer struct {
	Dir       string      `json:"dir,omitempty"`
	Height    client.U64  `json:"height"`
	Block     client.Hash `json:"block"`
	StateRoot client.Hash `json:"state_root"`
	Proven    bool        `json:"proven"`
	Attested  int         `json:"attested"`
	// By is whose certificate it was: the ledger's or a node's.
	By string `json:"by,omitempty"`
}

func newLedgerCheckCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "check [DIR]", Short: "Compare a ledger's state with what f+1 members attest",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError("unexpected argument %q", args[1])
			}
			return nil
		},
		Long: "Read a ledger as a whole, of a validator that runs or not, make the root of its state anew from its rows,\n" +
			"and compare it with what f+1 members attest: by the certificate in it, else by those of the nodes that\n" +
			"are named with --node. A copy from another member that passes is as good as one's own.",
		Example: "  scrip ledger check --home ./bakery\n" +
			"  scrip ledger check /mnt/copy/ledger --genesis genesis.json --node https://mall.example",
		RunE: func(c *cobra.Command, args []string) error { return a.checkLedgerRoot(c, strings.Join(args, "")) },
	}
}

func (a *App) checkLedgerRoot(c *cobra.Command, dir string) error {
	cfg, err := a.loadConfig(c)
	if err != nil {
		return err
	}
	path := a.namedGenesis()
	if path == "" {
		path = cfg.Path(cfg.Genesis)
	}
	g, err := genesis.Load(path)
	if err != nil {
		return &Error{Exit: ExitUsage, Cause: err, Remedy: "The ledger is checked against the genesis file of its chain."}
	}
	p := a.Progress("checking the ledger")
	p.Set(0, 0, "all of it is read")
	found, err := cfg.CheckLedgerRoot(c.Context(), g, dir)
	p.Done()
	if err != nil {
		return err
	}
	x := ledgerAnswer{Dir: dir, Height: client.U64(found.Height), Block: found.Block, StateRoot: found.StateRoot,
		Attested: found.Attested, Proven: found.Attested > 0, By: "the ledger"}
	if !x.Proven {
		if err := a.askForRoot(c, g, &x); err != nil {
			return errors.Join(a.Show(x, ledgerFields(&x)), err)
		}
	}
	return a.Show(x, ledgerFields(&x))
}

// askForRoot compares the last block with what the named nodes prove of it.
func (a *App) askForRoot(c *cobra.Command, g *genesis.Genesis, x *ledgerAnswer) error {
	x.By = ""
	unknown := &Error{Exit: ExitUnknown, Text: fmt.Sprintf("nobody attests block %d here: it is whole in itself, and not "+
		"proven", x.Height), Remedy: "Name nodes of members with --node, or let it follow: the next blocks say the root."}
	nodes, err := a.nodeAddresses()
	if err != nil {
		return unknown
	}
	cl, err := client.New(g.Raw, nodes)
	if err != nil {
		return err
	}
	b, err := cl.Block(c.Context(), uint64(x.Height))
	if err != nil || b.Checkpoint == nil {
		unknown.Cause = err
		return unknown
	}
	if client.Hash(b.Digest) != x.Block || client.Hash(b.Checkpoint.StateRoot) != x.StateRoot {
		return &Error{Exit: ExitDamaged, Text: fmt.Sprintf("the ledger is false: f+1 members attest the state root %x of "+
			"block %d", b.Checkpoint.StateRoot, x.Height),
			Remedy: "Do not use it. Take another copy, or let the node fetch the blocks."}
	}
	x.Proven, x.Attested, x.By = true, b.Checkpoint.Signers.Count(), b.Node
	return nil
}

func ledgerFields(x *ledgerAnswer) Fields {
	proven := "no"
	if x.Proven {
		proven = fmt.Sprintf("by %s, from %s", plural(x.Attested, "member"), x.By)
	}
	return Fields{{"height", fmt.Sprint(x.Height)}, {"block", x.Block.String()}, {"state root", x.StateRoot.String()},
		{"rows", "they give this root; blocks, receipts and links fit"}, {"proven", proven}}
}

package tidy

// module is the path before every package of the project.
const module = "github.com/scrip-network/scrip/"

// Bounds of functions and files.
const (
	functionLinesMax = 70
	fileLinesMax     = 1000
	columnsMax       = 120
)

// layer says what a package may import of the project. A trailing "/..." stands
// for a folder's packages with the folder itself.
type layer struct {
	pure    bool
	imports []string
}

// layers is the import direction: from impure to pure, one way. A package that
// is not here has no place yet: give it one, with the least that it needs.
func layers() map[string]layer {
	return map[string]layer{
		"pbft/wire":    {pure: true},
		"pbft":         {pure: true, imports: []string{"pbft/internal/wrong", "pbft/wire"}},
		"pbft/conduct": {pure: true, imports: []string{"pbft"}}, "pbft/internal/wrong": {pure: true},
		"pbft/dualpath":     {pure: true, imports: []string{"internal/rules", "pbft", "pbft/conduct"}},
		"pbft/original":     {pure: true, imports: []string{"internal/rules", "pbft"}},
		"internal/rules":    {pure: true, imports: []string{"pbft"}}, // what tests replace to break the engines
		"pbft/lanes":        {pure: true, imports: []string{"pbft", "pbft/wire"}},
		"pbft/driver":       {pure: true, imports: []string{"internal/rules", "pbft", "pbft/lanes"}},
		"pbft/pbfttest":     {imports: []string{"pbft/...", "sig"}},
		"pbft/pbfttest/...": {imports: []string{"pbft/...", "sig"}},
		"coupon":            {pure: true, imports: []string{"pbft", "pbft/wire"}},
		"coupon/coupontest": {imports: []string{"coupon", "pbft"}},
		"chain":             {pure: true, imports: []string{"pbft", "pbft/wire"}},
		"keys":              {imports: []string{"internal/textfile"}},
		"genesis": {imports: []string{"internal/spelling", "internal/textfile", "internal/units", "coupon", "keys",
			"pbft", "pbft/wire", "sig"}},
		"store":           {imports: []string{"pbft/wire"}},
		"store/storetest": {imports: []string{"chain", "pbft", "pbft/wire", "store"}},
		"backup":          {imports: []string{"keys", "pbft/wire"}},
		"transport":       {imports: []string{"pbft/wire", "sig"}},
		// The node does not know coupons: ledger is its state machine, cmd joins them.
		"node": {imports: []string{"chain", "pbft", "pbft/driver", "pbft/lanes", "pbft/wire", "sig", "store",
			"transport"}},
		"node/nodetest": {imports: []string{"chain", "node", "pbft/...", "sig", "store", "transport"}},
		"ledger":        {imports: []string{"chain", "coupon", "internal/label", "node", "pbft/wire", "sig", "store"}},
		"profile":       {imports: []string{"coupon", "pbft/wire"}}, "profile/texts": {imports: []string{"pbft/wire"}},
		"profile/shelf": {imports: []string{"coupon", "profile"}},
		"client": {imports: []string{"chain", "coupon", "genesis", "internal/units", "keys", "pbft", "pbft/wire", "profile",
			"sig"}},
		// What issuers, holders and tills do, a campaign as it is written, a wallet on this machine.
		"actions/offer": {imports: []string{"coupon", "genesis", "internal/label", "internal/spelling", "internal/textfile",
			"internal/units"}},
		"actions/purse": {imports: []string{"client", "coupon", "keys", "pbft/wire"}},
		"actions":       {imports: []string{"actions/purse", "client", "coupon", "keys", "pbft/wire", "sig"}},
		"api/apitest": {imports: []string{"actions", "api", "coupon", "genesis", "keys", "ledger", "node", "pbft",
			"pbft/dualpath", "sig", "store", "transport"}},
		"api": {imports: []string{"chain", "client", "coupon", "genesis", "keys", "ledger", "node", "pbft/...",
			"profile/...", "sig", "store", "gateway", "internal/throttle", "internal/tracing"}},
		"gateway": {imports: []string{"coupon"}},
		"desk":    {imports: []string{"client", "coupon", "internal/throttle", "keys", "pbft/wire", "sig", "store"}},
		"hooks":   {imports: []string{"client", "coupon", "hooks/signature", "keys", "store"}},
		"index":   {imports: []string{"client", "coupon", "genesis"}},
		// A member's node as a process, and several of them on one machine.
		"validator": {imports: []string{"internal/spelling", "internal/textfile", "internal/throttle", "internal/tracing",
			"api", "backup", "client", "desk", "genesis", "keys", "ledger", "node", "pbft", "pbft/driver", "pbft/dualpath",
			"pbft/original", "profile/...", "sig", "store", "transport", "web"}},
		"network": {imports: []string{"client", "genesis", "keys", "store", "validator"}},
		"bench":   {imports: []string{"actions", "client", "coupon", "genesis", "sig"}},
		// Demonstrations on one machine, whose keys everybody knows.
		"demo": {imports: []string{"actions", "chain", "client", "coupon", "desk", "genesis", "keys", "ledger", "network",
			"node", "pbft", "profile", "sig", "store", "validator"}},
		"web": {}, "e2e": {}, // tests only
		"hooks/signature": {}, "index/indextest": {},
		"internal/tidy": {}, "sig": {},
		"internal/spelling": {}, "internal/textfile": {}, "internal/throttle": {}, "internal/tracing": {},
		"internal/mutate": {}, "internal/watch": {}, "internal/release": {},
		"internal/survey": {imports: []string{"client"}},
		"internal/broken": {imports: []string{"internal/rules", "pbft", "pbft/driver", "pbft/dualpath", "pbft/original"}},
		"internal/units":  {imports: []string{"coupon"}},
		"internal/label":  {imports: []string{"pbft/wire"}},
		"cmd/...":         {imports: []string{"..."}},
		"lab/...":         {imports: []string{"..."}},
		"examples/...":    {imports: []string{"..."}},
		"engines/cometbft": {imports: []string{"api", "chain", "genesis", "ledger", "node", "pbft",
			"pbft/driver", "sig", "store", "validator"}}, // a module of its own: nothing may import it
		"engines/cometbft/cmd/...": {imports: []string{"..."}},
	}
}

// pureImports are the packages of the standard library that a pure package may
// use: functions of their arguments. What is not here reads a clock, a file, the
// network or the scheduler, orders by address, or was not needed yet.
func pureImports() []string {
	return []string{
		"bytes", "cmp", "container/heap", "crypto/ed25519", "crypto/hkdf", "crypto/sha256", "encoding/base64",
		"encoding/binary", "encoding/hex", "errors", "fmt", "hash", "iter", "math", "math/bits", "slices", "sort",
		"strconv", "strings", "unicode", "unicode/utf8",
	}
}

// homes are dependencies that one part of the project wraps for all others.
func homes() map[string][]string {
	return map[string][]string{
		"github.com/cockroachdb/pebble":           {"store"},
		"github.com/oasisprotocol/curve25519-voi": {"sig"},
		"filippo.io/age":                          {"keys"},
		"github.com/danielgtaylor/huma":           {"api"},
		"github.com/spf13/cobra":                  {"cmd", "engines/cometbft/cmd"},
		"charm.land/bubbletea":                    {"cmd"},
		"github.com/jackc/pgx":                    {"index"},
	}
}

// makers are the functions of package coupon that put a transaction together.
func makers() []string {
	return []string{"NewMemberTx", "NewTillKeyAdd", "NewClaim", "NewTransfer", "NewRedeemInvoice",
		"NewRedeemShow", "NewVoid"}
}

// longFunctions may exceed functionLinesMax: dispatch over many kinds that reads
// best in one piece. The list only shrinks.
func longFunctions() map[string]bool {
	return map[string]bool{}
}

// vagueNames say nothing about what a package is.
func vagueNames() []string {
	return []string{"base", "common", "core", "helper", "helpers", "misc", "pkg", "shared", "types", "util", "utils"}
}

// unfinished are marks of work not done, put together so that this file passes.
func unfinished() []string { return []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"} }

// machinePaths are the beginnings of paths of one machine.
func machinePaths() []string {
	return []string{"/ho" + "me/", "/Us" + "ers/", "/ro" + "ot/", "/t" + "mp/"}
}

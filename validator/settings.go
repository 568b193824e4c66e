package validator

import (
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/internal/throttle"
	"github.com/scrip-network/scrip/internal/tracing"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/web"
)

// Config is the settings of a validator with where each came from. Paths are
// relative to Home unless they are absolute; Path resolves them. Make it with
// LoadConfig.
type Config struct {
	Home string

	Genesis        string // path of the genesis file
	Key            string // path of the key file
	KeyGroup       string // refuse or allow: rights of the process's group to home, key and passphrase
	PassphraseFile string // path of a file with the key file's passphrase; "" = not encrypted
	Data           string // folder of consensus log and ledger

	ListenPeers string // host:port for the other validators
	ListenAPI   string // host:port for HTTP
	ListenDesk  string // host:port for the ticket desk; "" = none
	// ListenDebug serves profiles of the process; "" = off. Loopback only.
	ListenDebug string
	// Peers are the addresses of the validators by their number in the genesis
	// file; one's own may be missing.
	Peers map[int]string

	LogLevel  string // debug, info, warn or error
	LogFormat string // auto, text or json

	// Follow is the number of the validator in whose place this home follows the chain,
	// which it then does without a vote; "" = the home's key votes.
	Follow string

	// Dissemination says how transactions come to the other validators before they are in
	// a block: DisseminateInside or DisseminateLanes.
	Dissemination string

	// Numbers: 0 stands for the default of the package that they configure.
	TimeoutMs       int // least wait for progress before another primary is asked for
	Workers         int // goroutines that check signatures
	MempoolTxsMax   int // transactions that wait
	MempoolBytesMax int // their bytes
	BlockTxsMax     int // transactions in a block proposed here
	BlockBytesMax   int // their bytes
	LineMbit        int // what the line to the others carries, in Mbit/s
	BlockCacheMiB   int // blocks as on disk
	RowCacheMiB     int // rows and pages as values
	SeenEntries     int // remembered ids
	LogBytesMax     int // bytes of the consensus log at which it is compacted

	// APIHosts and APIOrigins are names and web origins that the API answers; see
	// package api.
	APIHosts, APIOrigins []string
	// APIPerSecond bounds the requests of one client address; 0 = default.
	APIPerSecond int
	// APIStreams and APIAddressStreams bound event streams, in all and of one client
	// address; 0 = default.
	APIStreams, APIAddressStreams int
	// APIConnections and APIAddressConnections bound the API's open connections, in
	// all and of one address; 0 = default.
	APIConnections, APIAddressConnections int
	// APIProxies are addresses and networks of proxies that are believed for whom they
	// forward.
	APIProxies []string

	// Elide and Patience are "on" or "off"; see pbft.Config.
	Elide, Patience string
	// Monitor is "on" or "off"; see pbft.Config.
	Monitor string
	// Faces says whether the API's port serves the faces, "on" or "off".
	Faces string
	// WebNodes are the members' nodes as browsers reach them, by their number in the
	// genesis file; WebDesks are ticket desks. Web origins all.
	WebNodes map[int]string
	WebDesks []string

	// TraceEndpoint is the collector of traces, "" = none; TracePerMille how many of a
	// thousand requests are traced that bring no decision, 0 = default.
	TraceEndpoint string
	TracePerMille int

	// Links is the path of a file with links to emulate; "" = none. See Links.
	Links string

	// Nodes are the addresses that client commands use.
	Nodes []string

	origins map[string]string
}

// What Config.Dissemination may be.
const (
	// DisseminateInside: they are gossiped, and proposals have them inside.
	DisseminateInside = "inside"
	// DisseminateLanes: every validator pushes those of its own clients in batches, and
	// proposals name them.
	DisseminateLanes = "lanes"
)

// Setting is one setting with its names.
type Setting struct {
	Key  string // in the file, such as "listen.api"
	Env  string // in the environment, such as "SCRIP_LISTEN_API"
	Flag string // on the command line, such as "listen-api"
	Doc  string

	isNumber, isList, isPath bool
	byDefault                string // of a number: what 0 stands for
	get                      func(c *Config) string
	set                      func(c *Config, value string) error
}

// Settings returns all settings in the order of the file: those of no table first,
// as TOML wants it.
func Settings() []Setting {
	all := slices.Concat(ownSettings(), limitSettings(), openSettings())
	for i := range all {
		s := &all[i]
		s.Flag = strings.NewReplacer(".", "-", "_", "-").Replace(s.Key)
		s.Env = "SCRIP_" + strings.ToUpper(strings.ReplaceAll(s.Key, ".", "_"))
		if s.Key == "client.nodes" {
			s.Env = "SCRIP_NODE" // as the flag --node
		}
	}
	return all
}

// ownSettings are about the home, the other validators and the log.
func ownSettings() []Setting {
	return []Setting{
		path("genesis", "genesis file of the chain", func(c *Config) *string { return &c.Genesis }),
		path("data", "folder of the consensus log and the ledger", func(c *Config) *string { return &c.Data }),
		{Key: "follow", Doc: "number of the validator in whose place this home follows the chain and signs nothing; " +
			"empty = its key votes", get: func(c *Config) string { return c.Follow }, set: setFollow},
		path("key.file", "key file of the validator", func(c *Config) *string { return &c.Key }),
		path("key.passphrase_file", "file that holds the key file's passphrase, if it is encrypted",
			func(c *Config) *string { return &c.PassphraseFile }),
		choice("key.group", "whether a group of the process may have rights to home, key and passphrase, as volumes of "+
			"containers give them", func(c *Config) *string { return &c.KeyGroup }, "refuse", "allow"),
		address("listen.peers", "where the other validators connect, host:port",
			func(c *Config) *string { return &c.ListenPeers }),
		address("listen.api", "where the API listens, host:port", func(c *Config) *string { return &c.ListenAPI }),
		optionalAddress("listen.desk", "where a ticket desk of this validator listens, host:port; empty = none",
			func(c *Config) *string { return &c.ListenDesk }),
		debugAddress("listen.debug", "where profiles are served, host:port on loopback; empty = nowhere",
			func(c *Config) *string { return &c.ListenDebug }),
		{Key: "peers", Doc: "addresses of the validators by their number in the genesis file, such as 0=host:port",
			get: func(c *Config) string { return formatPeers(c.Peers) }, set: setPeers},
		choice("log.level", "least level of what is logged", func(c *Config) *string { return &c.LogLevel },
			"debug", "info", "warn", "error"),
		choice("log.format", "form of the log; auto is text on a terminal and json elsewhere",
			func(c *Config) *string { return &c.LogFormat }, "auto", "text", "json"),
	}
}

// limitSettings are numbers that a validator works with.
func limitSettings() []Setting {
	return []Setting{
		number("consensus.timeout_ms", "least milliseconds without progress until another primary is asked for",
			timeoutMsMin, timeoutMsMax, timeoutMsDefault, func(c *Config) *int { return &c.TimeoutMs }),
		choice("consensus.elide", "whether proposals leave out certificates that the others make themselves",
			func(c *Config) *string { return &c.Elide }, "on", "off"),
		choice("consensus.patience", "whether a second vote waits a moment for the fast path",
			func(c *Config) *string { return &c.Patience }, "on", "off"),
		choice("consensus.monitor", "whether slow and unfair primaries are measured, and called slow",
			func(c *Config) *string { return &c.Monitor }, "on", "off"),
		choice("consensus.dissemination", "how transactions come to the other validators: inside proposals, or by lanes "+
			"beside them; the same for all validators", func(c *Config) *string { return &c.Dissemination },
			DisseminateInside, DisseminateLanes),
		number("limits.workers", "goroutines that check signatures; 0 = one per CPU",
			1, workersMax, runtime.GOMAXPROCS(0), func(c *Config) *int { return &c.Workers }),
		number("limits.mempool_txs", "most transactions waiting",
			mempoolTxsMin, mempoolTxsMax, driver.PoolTxsDefault, func(c *Config) *int { return &c.MempoolTxsMax }),
		number("limits.mempool_bytes", "most bytes of them",
			mempoolBytesMin, numberMax, driver.PoolBytesDefault, func(c *Config) *int { return &c.MempoolBytesMax }),
		number("limits.block_txs", "most transactions in a block proposed here",
			1, blockTxsMax, driver.BlockTxsDefault, func(c *Config) *int { return &c.BlockTxsMax }),
		number("limits.block_bytes", "most bytes of a block proposed here",
			blockBytesMin, blockBytesMax, driver.BlockBytesDefault, func(c *Config) *int { return &c.BlockBytesMax }),
		number("limits.line_mbit", "what this validator's line to the others carries, in Mbit/s",
			1, lineMbitMax, driver.LineMbitDefault, func(c *Config) *int { return &c.LineMbit }),
		number("limits.log_bytes", "bytes of the consensus log at which it is compacted",
			logBytesMin, numberMax, driver.LogBytesDefault, func(c *Config) *int { return &c.LogBytesMax }),
		number("memory.block_cache_mib", "cache of what lies on disk",
			1, cacheMiBMax, store.BlockCacheBytesDefault>>20, func(c *Config) *int { return &c.BlockCacheMiB }),
		number("memory.row_cache_mib", "cache of rows and pages",
			1, cacheMiBMax, store.RowCacheBytesDefault>>20, func(c *Config) *int { return &c.RowCacheMiB }),
		number("memory.seen_entries", "ids remembered in memory",
			seenEntriesMin, seenEntriesMax, store.SeenEntriesDefault, func(c *Config) *int { return &c.SeenEntries }),
	}
}

// openSettings are about what is open to clients and browsers, and client commands.
func openSettings() []Setting {
	return []Setting{
		list("api.hosts", "names under which the API may be asked, beside localhost and IP addresses",
			func(c *Config) *[]string { return &c.APIHosts }),
		list("api.origins", "web origins whose pages may use the API", func(c *Config) *[]string { return &c.APIOrigins }),
		number("api.requests_per_second", "requests of one client address",
			1, perSecondMax, api.PerSecondDefault, func(c *Config) *int { return &c.APIPerSecond }),
		number("api.connections", "open connections in all",
			connectionsMin, connectionsMax, api.ConnectionsDefault, func(c *Config) *int { return &c.APIConnections }),
		number("api.connections_per_address", "open connections of one client address",
			connectionsMin, connectionsMax, api.AddressConnectionsDefault,
			func(c *Config) *int { return &c.APIAddressConnections }),
		number("api.streams", "event streams in all",
			1, node.SubscribersMax, api.StreamsDefault, func(c *Config) *int { return &c.APIStreams }),
		number("api.streams_per_address", "event streams of one client address",
			1, node.SubscribersMax, api.AddressStreamsDefault, func(c *Config) *int { return &c.APIAddressStreams }),
		{Key: "api.trusted_proxies", isList: true,
			Doc: "addresses or networks of proxies, such as 10.0.0.0/8, whose X-Forwarded-For names the client",
			get: func(c *Config) string { return strings.Join(c.APIProxies, ",") }, set: setProxies},
		choice("web.faces", "whether the API's port serves wallet, console, till and explorer",
			func(c *Config) *string { return &c.Faces }, "on", "off"),
		{Key: "web.nodes", Doc: "the members' nodes as browsers reach them, such as 0=https://node.example", isList: true,
			get: func(c *Config) string { return formatPeers(c.WebNodes) }, set: setWebNodes},
		{Key: "web.desks", Doc: "ticket desks as browsers reach them, such as https://desk.example", isList: true,
			get: func(c *Config) string { return strings.Join(c.WebDesks, ",") }, set: setWebDesks},
		{Key: "trace.endpoint", Doc: "OpenTelemetry collector that is told of single requests (OTLP over HTTP); empty = none",
			get: func(c *Config) string { return c.TraceEndpoint }, set: setTraceEndpoint},
		number("trace.per_mille", "of a thousand requests that bring no decision, how many are traced",
			1, 1000, tracePerMilleDefault, func(c *Config) *int { return &c.TracePerMille }),
		path("experiment.links", "file with delays and losses to emulate between members; empty = none",
			func(c *Config) *string { return &c.Links }),
		list("client.nodes", "addresses of nodes for client commands", func(c *Config) *[]string { return &c.Nodes }),
	}
}

func defaults() *Config {
	return &Config{
		Genesis: "genesis.json", Key: "validator.key", KeyGroup: "refuse", Data: "data",
		ListenPeers: "0.0.0.0:7601", ListenAPI: "127.0.0.1:7600", Peers: map[int]string{},
		LogLevel: "info", LogFormat: "auto", Faces: "on", Elide: "on", Patience: "on", Monitor: "on",
		Dissemination: DisseminateInside, origins: map[string]string{},
	}
}

func text(key, doc string, field func(c *Config) *string) Setting {
	return Setting{Key: key, Doc: doc, get: func(c *Config) string { return *field(c) },
		set: func(c *Config, v string) error { *field(c) = v; return nil }}
}

func path(key, doc string, field func(c *Config) *string) Setting {
	s := text(key, doc, field)
	s.isPath = true
	return s
}

func address(key, doc string, field func(c *Config) *string) Setting {
	s := text(key, doc, field)
	s.set = func(c *Config, v string) error {
		if err := checkAddress(v); err != nil {
			return err
		}
		*field(c) = v
		return nil
	}
	return s
}

func optionalAddress(key, doc string, field func(c *Config) *string) Setting {
	s := text(key, doc, field)
	s.set = func(c *Config, v string) error {
		if v != "" {
			if err := checkAddress(v); err != nil {
				return err
			}
		}
		*field(c) = v
		return nil
	}
	return s
}

func debugAddress(key, doc string, field func(c *Config) *string) Setting {
	s := text(key, doc, field)
	s.set = func(c *Config, v string) error {
		if v != "" {
			if err := checkAddress(v); err != nil {
				return err
			}
			host, _, _ := net.SplitHostPort(v)
			if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
				return fmt.Errorf("%q is not on loopback", v)
			}
		}
		*field(c) = v
		return nil
	}
	return s
}

func choice(key, doc string, field func(c *Config) *string, values ...string) Setting {
	s := text(key, doc+": "+strings.Join(values, ", "), field)
	s.set = func(c *Config, v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("%q is none of %s", v, strings.Join(values, ", "))
		}
		*field(c) = v
		return nil
	}
	return s
}

// numberMax bounds every number of a settings file.
const numberMax = 1 << 31

// What a number must be for the validator to do its work with it, and no more than
// the machine can give.
const (
	timeoutMsMin = 10   // a tick
	timeoutMsMax = 2000 // pbft.Timers.TimeoutTicksMax
	workersMax   = 1024
	// mempoolTxsMin leaves a transaction to each member of the largest committee.
	mempoolTxsMin = 256
	mempoolTxsMax = 1 << 22
	// A pool or a block that cannot hold the largest transaction stops at it for good.
	mempoolBytesMin = 64 * ledger.TxBytesMax
	blockBytesMin   = ledger.TxBytesMax + node.PayloadOverheadBytes
	blockBytesMax   = 15 << 20 // larger frames do not travel
	blockTxsMax     = 1 << 16
	lineMbitMax     = 400_000
	logBytesMin     = 256 << 10 // or the log is compacted all the time
	cacheMiBMax     = 1 << 20
	seenEntriesMin  = 1024
	seenEntriesMax  = 1 << 28
	perSecondMax    = 1 << 20
	connectionsMin  = 16 // or a browser and a till are in each other's way
	connectionsMax  = 1 << 20
)

// number is a setting that is a whole number from low to high, or 0 for what its
// package does by itself, which is byDefault.
func number(key, doc string, low, high, byDefault int, field func(c *Config) *int) Setting {
	doc = fmt.Sprintf("%s, from %d to %d", doc, low, high)
	if !strings.Contains(doc, "0 = ") {
		doc += "; 0 = default"
	}
	return Setting{Key: key, Doc: doc, isNumber: true, byDefault: strconv.Itoa(byDefault),
		get: func(c *Config) string { return strconv.Itoa(*field(c)) },
		set: func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			switch {
			case err != nil || n < 0:
				return fmt.Errorf("%q is not a whole number from %d to %d", v, low, high)
			case n != 0 && (n < low || n > high):
				return fmt.Errorf("%s is not from %d to %d", v, low, high)
			}
			*field(c) = n
			return nil
		}}
}

func list(key, doc string, field func(c *Config) *[]string) Setting {
	return Setting{Key: key, Doc: doc, isList: true,
		get: func(c *Config) string { return strings.Join(*field(c), ",") },
		set: func(c *Config, v string) error { *field(c) = splitList(v); return nil }}
}

// checkAddress checks a host:port that a socket can be made of.
func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not host:port", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port from 0 to 65535", s)
	}
	return nil
}

func splitList(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(e string) bool { return e == "" })
}

// setPeers sets the addresses from "0=host:port,1=host:port".
func setPeers(c *Config, s string) (err error) {
	c.Peers, err = numbered(s, "host:port", checkAddress)
	return err
}

// setWebNodes sets the nodes from "0=https://node.example,1=…".
func setWebNodes(c *Config, s string) (err error) {
	c.WebNodes, err = numbered(s, "web origin", checkOrigin)
	return err
}

func setProxies(c *Config, s string) error {
	proxies := splitList(s)
	_, err := throttle.ParseProxies(proxies)
	c.APIProxies = proxies
	return err
}

func setTraceEndpoint(c *Config, s string) error {
	if s != "" {
		if err := tracing.CheckEndpoint(s); err != nil {
			return err
		}
	}
	c.TraceEndpoint = s
	return nil
}

func setWebDesks(c *Config, s string) error {
	desks := splitList(s)
	for _, d := range desks {
		if err := checkOrigin(d); err != nil {
			return err
		}
	}
	c.WebDesks = desks
	return nil
}

// numbered reads a list of validators' numbers with what belongs to each.
func numbered(s, what string, check func(string) error) (map[int]string, error) {
	all := make(map[int]string)
	for _, entry := range splitList(s) {
		name, value, ok := strings.Cut(entry, "=")
		id, err := strconv.Atoi(strings.TrimSpace(name))
		if !ok || err != nil || id < 0 || id >= pbft.ReplicasMax {
			return nil, fmt.Errorf("%q is not a validator's number, =, and %s", entry, what)
		}
		value = strings.TrimSpace(value)
		if err := check(value); err != nil {
			return nil, err
		}
		all[id] = value
	}
	return all, nil
}

func checkOrigin(s string) error {
	if !web.IsOrigin(s) {
		return fmt.Errorf("%q is no web origin, such as https://node.example", s)
	}
	return nil
}

func formatPeers(peers map[int]string) string {
	var b []string
	for _, id := range slices.Sorted(maps.Keys(peers)) {
		b = append(b, strconv.Itoa(id)+"="+peers[id])
	}
	return strings.Join(b, ",")
}

// setFollow takes the number of a validator, or nothing.
func setFollow(c *Config, v string) error {
	if n, err := strconv.ParseUint(v, 10, 16); v != "" && (err != nil || n >= pbft.ReplicasMax) {
		return fmt.Errorf("%q is no number of a validator", v)
	}
	c.Follow = v
	return nil
}

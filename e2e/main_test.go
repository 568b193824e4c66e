//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/scrip-network/scrip/validator"
)

var (
	killsFlag   = flag.Int("e2e.kills", 6, "validators to kill or stop")
	lanesFlag   = flag.Bool("e2e.lanes", false, "disseminate payload by lanes")
	racesFlag   = flag.Int("e2e.races", 200, "coupons that two tills redeem at once")
	damagesFlag = flag.Int("e2e.damages", 20, "homes to damage")
	skewFlag    = flag.Duration("e2e.skew", 0, "by how much the clock of one validator is wrong")
	freezeFlag  = flag.Duration("e2e.freeze", 6*time.Second, "how long a validator is frozen; more than 5 s")
	seedFlag    = flag.Uint64("e2e.seed", 0, "seed of the random choices; 0 = from the clock")
	engineFlag  = flag.String("e2e.engine", "dualpath", "protocol of the networks: dualpath or original")
	scripFlag   = flag.String("e2e.scrip", "", "scrip binary to test; none = the packages of this program")
)

// childVariable makes this program a validator.
const childVariable = "SCRIP_E2E_VALIDATOR"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		limitDescriptors(os.Getenv(descriptorsVariable))
		os.Exit(runValidator(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// runValidator is "scrip node" as package network starts it.
func runValidator(args []string) int {
	f := flag.NewFlagSet("node", flag.ExitOnError)
	home := f.String("home", "", "")
	f.String("output", "", "")
	f.Bool("stop-at-eof", false, "")
	for _, s := range validator.Settings() {
		f.String(s.Flag, "", s.Doc)
	}
	_ = f.Parse(args[1:])
	values := make(map[string]string)
	f.Visit(func(x *flag.Flag) {
		if x.Name != "home" && x.Name != "output" && x.Name != "stop-at-eof" {
			values[x.Name] = x.Value.String()
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
		time.Sleep(8 * time.Second) // nobody notices a process that hangs once its parent is gone
		os.Exit(2)
	}()
	cfg, err := validator.LoadConfig(*home, nil, values)
	if err == nil {
		logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
		err = validator.Run(ctx, cfg, validator.Options{Logger: logger, Version: "e2e"})
	}
	if err == nil {
		return 0
	}
	said := map[string]string{"error": err.Error()}
	if t := new(validator.Trouble); errors.As(err, &t) {
		said["kind"], said["remedy"] = string(t.Kind), t.Remedy
	}
	_ = json.NewEncoder(os.Stderr).Encode(said)
	return 1
}

package validator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/scrip-network/scrip/transport"
)

// Links is the file that experiment.links names: the network that the members of an
// experiment pretend to be on. All of them can use the same file.
type Links struct {
	Seed uint64 `toml:"seed"`
	// DelayUs is the one-way delay in microseconds, [from][to].
	DelayUs        [][]int64 `toml:"delay_us"`
	JitterUs       int64     `toml:"jitter_us"`
	BytesPerSecond int64     `toml:"bytes_per_second"`
	LossPerMillion int64     `toml:"loss_per_million"`
}

// linkUsMax bounds delays and jitter: a minute.
const linkUsMax = 60_000_000

// ReadLinks reads a file of links, strictly.
func ReadLinks(path string) (*Links, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, troubleOf("read the links", err)
	}
	defer func() { _ = f.Close() }()
	l := new(Links)
	md, err := toml.NewDecoder(io.LimitReader(f, configBytesMax)).Decode(l)
	if err == nil && len(md.Undecoded()) > 0 {
		err = fmt.Errorf("there is no key %q", md.Undecoded()[0].String())
	}
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return nil, &Trouble{Kind: KindSettings, What: path + ": " + err.Error()}
	}
	return l, nil
}

func (l *Links) check() error {
	for _, row := range l.DelayUs {
		for _, us := range row {
			if us < 0 || us > linkUsMax {
				return fmt.Errorf("a delay of %d us", us)
			}
		}
	}
	if l.JitterUs < 0 || l.JitterUs > linkUsMax || l.BytesPerSecond < 0 || l.LossPerMillion < 0 ||
		l.LossPerMillion >= 1_000_000 {
		return errors.New("jitter, bandwidth or loss out of range")
	}
	return nil
}

// emulation is what the links are for one member.
func (l *Links) emulation(member int) transport.Emulation {
	e := transport.Emulation{Jitter: time.Duration(l.JitterUs) * time.Microsecond, BytesPerSecond: l.BytesPerSecond,
		LossPerMillion: l.LossPerMillion, Seed: l.Seed + uint64(member)}
	if member < len(l.DelayUs) {
		for _, us := range l.DelayUs[member] {
			e.Delay = append(e.Delay, time.Duration(us)*time.Microsecond)
		}
	}
	return e
}

// shape returns the emulation of the settings, nil without one.
func (c *Config) shape(member int) (transport.Shape, error) {
	if c.Links == "" {
		return nil, nil
	}
	l, err := ReadLinks(c.Path(c.Links))
	if err != nil {
		return nil, err
	}
	return l.emulation(member).Shape(), nil
}

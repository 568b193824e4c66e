package shaper

import (
	"errors"
	"fmt"
)

// ErrUnavailable is wrapped by the error of a machine that cannot do this.
var ErrUnavailable = errors.New("lines cannot be shaped here")

// Addresses of a network: prefix.block.member+1; the block keeps two networks of one
// machine apart.
const (
	addressFirst, addressSecond = 198, 18
	hostPart                    = 254 // of this machine
)

// block is the third part of the addresses of a process's network.
func block(pid int) byte { return byte(pid % 251) }

func address(block byte, member int) string {
	return fmt.Sprintf("%d.%d.%d.%d", addressFirst, addressSecond, block, member+1)
}

// locator returns what finds the number of the device to which a packet of IPv4 goes;
// this machine's own is the number of members.
func locator(block byte, members int) func(packet []byte) (int, error) {
	const headerBytes, destination = 20, 16
	return func(p []byte) (int, error) {
		if len(p) < headerBytes || p[0]>>4 != 4 {
			return 0, errAddress
		}
		to := p[destination:headerBytes]
		if to[0] != addressFirst || to[1] != addressSecond || to[2] != block {
			return 0, errAddress
		}
		switch {
		case to[3] == hostPart:
			return members, nil
		case to[3] >= 1 && int(to[3]) <= members:
			return int(to[3]) - 1, nil
		}
		return 0, errAddress
	}
}

// check refuses what makes no network.
func (c *Config) check() error {
	if c.Members < 1 || c.Members > MembersMax || c.BytesPerSecond < 0 || c.QueueBytes < 0 {
		return fmt.Errorf("shape lines: %d members, %d bytes a second, queues of %d", c.Members, c.BytesPerSecond,
			c.QueueBytes)
	}
	if c.DelayUs == nil {
		return nil
	}
	if len(c.DelayUs) != c.Members {
		return fmt.Errorf("shape lines: delays of %d members, there are %d", len(c.DelayUs), c.Members)
	}
	for i, row := range c.DelayUs {
		if len(row) != c.Members {
			return fmt.Errorf("shape lines: %d delays of member %d, there are %d members", len(row), i, c.Members)
		}
	}
	return nil
}

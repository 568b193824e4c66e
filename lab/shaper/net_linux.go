package shaper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	tunPath = "/dev/net/tun"
	ipName  = "ip"
	// namespaceFolder is where ip keeps the names of namespaces.
	namespaceFolder = "/var/run/netns"
	namespacePrefix = "scrip-lab-"
)

// Available returns nil if lines can be shaped here, or an error that wraps
// ErrUnavailable and says what is missing.
func Available() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it needs root, for network namespaces", ErrUnavailable)
	}
	if _, err := exec.LookPath(ipName); err != nil {
		return fmt.Errorf("%w: there is no program ip; install iproute2", ErrUnavailable)
	}
	if _, err := os.Stat(tunPath); err != nil {
		return fmt.Errorf("%w: the kernel has no %s", ErrUnavailable, tunPath)
	}
	return nil
}

// Net is a network that runs. Its methods are safe for concurrent use.
type Net struct {
	cfg        Config
	pid        int
	router     *router
	namespaces []string
}

// Start makes the namespaces of a network and begins to move packets. The caller
// closes it.
func Start(cfg Config) (n *Net, err error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := Available(); err != nil {
		return nil, err
	}
	removeStale()
	n = &Net{cfg: cfg, pid: os.Getpid()}
	var devices []io.ReadWriteCloser
	defer func() {
		if err == nil {
			return
		}
		for _, d := range devices {
			_ = d.Close()
		}
		err = errors.Join(err, n.removeNamespaces())
	}()
	for i := range cfg.Members + 1 {
		d, err := n.device(i)
		if err != nil {
			return nil, err
		}
		devices = append(devices, d)
	}
	n.router = newRouter(cfg, devices, locator(block(n.pid), cfg.Members))
	return n, nil
}

// device makes the device of a member in a namespace of its own, or of this machine.
func (n *Net) device(i int) (io.ReadWriteCloser, error) {
	name := fmt.Sprintf("sl%d-%d", n.pid%1_000_000, i)
	d, err := openTun(name)
	if err != nil {
		return nil, err
	}
	at := address(block(n.pid), i) + "/24"
	if i == n.cfg.Members {
		at = address(block(n.pid), hostPart-1) + "/24"
		err = errors.Join(ip("addr", "add", at, "dev", name), ip("link", "set", name, "up"))
	} else {
		err = n.enclose(i, name, at)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// enclose moves a device into a new namespace.
func (n *Net) enclose(i int, device, at string) error {
	space := n.namespace(i)
	if err := ip("netns", "add", space); err != nil {
		return err
	}
	n.namespaces = append(n.namespaces, space)
	for _, args := range [][]string{
		{"link", "set", device, "netns", space},
		{"-n", space, "addr", "add", at, "dev", device},
		{"-n", space, "link", "set", "lo", "up"},
		{"-n", space, "link", "set", device, "up"},
	} {
		if err := ip(args...); err != nil {
			return err
		}
	}
	return nil
}

func (n *Net) namespace(i int) string { return fmt.Sprintf("%s%d-%d", namespacePrefix, n.pid, i) }

// Address returns the address of a member, at which all others and this machine reach
// it.
func (n *Net) Address(member int) string { return address(block(n.pid), member) }

// Command is what a program of a member is started with: the words before its own.
func (n *Net) Command(member int) []string {
	return []string{ipName, "netns", "exec", n.namespace(member)}
}

// Stats returns what went through until now.
func (n *Net) Stats() Stats { return n.router.stats() }

// Close stops the network and removes what Start has made. Programs in its
// namespaces must have ended.
func (n *Net) Close() error { return errors.Join(n.router.close(), n.removeNamespaces()) }

func (n *Net) removeNamespaces() error {
	var errs []error
	for _, space := range n.namespaces {
		errs = append(errs, ip("netns", "del", space))
	}
	n.namespaces = nil
	return errors.Join(errs...)
}

// removeStale removes namespaces of processes that were killed before they could.
// Their devices went with them.
func removeStale() {
	names, err := filepath.Glob(filepath.Join(namespaceFolder, namespacePrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range names {
		name := filepath.Base(path)
		pid, _, _ := strings.Cut(strings.TrimPrefix(name, namespacePrefix), "-")
		if number, err := strconv.Atoi(pid); err == nil && errors.Is(unix.Kill(number, 0), unix.ESRCH) {
			_ = ip("netns", "del", name)
		}
	}
}

// ip runs the program of that name.
func ip(args ...string) error {
	out, err := exec.Command(ipName, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// openTun makes a TUN device that lives as long as the returned file.
func openTun(name string) (io.ReadWriteCloser, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", tunPath, err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make the device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

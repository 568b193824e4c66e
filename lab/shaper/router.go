package shaper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// packetBytesMax is the largest packet that a device hands over: its MTU.
const packetBytesMax = 1500

// errAddress says that a packet is of no member.
var errAddress = errors.New("no address of this network")

// router moves packets between devices, one for each member and the last for this
// machine. It owns a goroutine for each device and one for the time.
type router struct {
	devices []io.ReadWriteCloser
	locate  func(packet []byte) (to int, err error)
	began   time.Time
	wake    chan struct{} // holds a token if something was put that may be due first
	done    chan struct{}
	g       sync.WaitGroup

	mu    sync.Mutex // guards lines and err
	lines *lines
	err   error
}

// newRouter starts to move packets. locate returns the number of the device to which
// a packet goes.
func newRouter(cfg Config, devices []io.ReadWriteCloser, locate func([]byte) (int, error)) *router {
	r := &router{devices: devices, locate: locate, began: time.Now(), lines: newLines(cfg),
		wake: make(chan struct{}, 1), done: make(chan struct{})}
	for i := range devices {
		r.g.Go(func() { r.read(i) })
	}
	r.g.Go(r.deliver)
	return r
}

func (r *router) now() int64 { return int64(time.Since(r.began)) }

// read takes the packets of a device until it is closed.
func (r *router) read(from int) {
	buf := make([]byte, packetBytesMax)
	for {
		n, err := r.devices[from].Read(buf)
		if err != nil {
			r.fail(fmt.Errorf("read packets of device %d: %w", from, err))
			return
		}
		to, err := r.locate(buf[:n])
		if err != nil || to == from {
			continue // multicast of the kernel's own, or to nobody
		}
		p := packet{from: from, to: to, data: append([]byte(nil), buf[:n]...)}
		r.mu.Lock()
		r.lines.admit(r.now(), p)
		r.mu.Unlock()
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// deliver writes each packet when it is due.
func (r *router) deliver() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		r.mu.Lock()
		arrived, next := r.lines.due(r.now())
		r.mu.Unlock()
		for _, p := range arrived {
			if _, err := r.devices[p.to].Write(p.data); err != nil {
				r.fail(fmt.Errorf("write packets to device %d: %w", p.to, err))
			}
		}
		if len(arrived) > 0 {
			continue
		}
		if next > 0 {
			timer.Reset(time.Duration(next - r.now()))
		}
		select {
		case <-r.done:
			return
		case <-r.wake:
		case <-timer.C:
		}
	}
}

// fail keeps the first trouble, unless the devices were closed.
func (r *router) fail(err error) {
	select {
	case <-r.done:
		return
	default:
	}
	if errors.Is(err, os.ErrClosed) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

func (r *router) stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.stats()
}

// close stops the router and closes its devices. It returns the first trouble that it
// met.
func (r *router) close() error {
	close(r.done)
	errs := make([]error, 0, len(r.devices)+1)
	for _, d := range r.devices {
		errs = append(errs, d.Close())
	}
	r.g.Wait()
	return errors.Join(append(errs, r.err)...)
}

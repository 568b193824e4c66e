package trial

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/sig"
)

// Describe measures and describes this machine. dir is where data will lie. What
// cannot be found out stays empty.
func Describe(dir string) *results.Machine {
	m := &results.Machine{Started: time.Now().UTC().Format(time.RFC3339), Host: runtime.GOOS + "/" + runtime.GOARCH,
		Cores: runtime.NumCPU(), CPU: field("/proc/cpuinfo", "model name"), Kernel: word("/proc/sys/kernel/osrelease"),
		Governor: word("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		Clock:    word("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
		CPULimit: word("/sys/fs/cgroup/cpu.max"), MemoryLimit: word("/sys/fs/cgroup/memory.max"),
		Load: word("/proc/loadavg"), VerifyNs: verifyNs(), SyncUs: syncUs(dir), Disk: fileSystem(dir)}
	if kib, err := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.MemoryMiB = kib / 1024
	}
	return m
}

// word returns the one line of a small file.
func word(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// field returns the value of the first line "name : value" of a file.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		key, v, ok := strings.Cut(s.Text(), ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// fileSystem returns the type of the file system that holds dir.
func fileSystem(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	best, kind := "", ""
	for s := bufio.NewScanner(f); s.Scan(); {
		columns := strings.Fields(s.Text())
		if len(columns) < 3 {
			continue
		}
		at := columns[1]
		if (abs == at || strings.HasPrefix(abs, strings.TrimSuffix(at, "/")+"/")) && len(at) >= len(best) {
			best, kind = at, columns[2]
		}
	}
	return kind
}

// verifyNs is the median time of one signature check: a measure of how fast the
// processor is at the time.
func verifyNs() int64 {
	key := sig.NewKeyFromSeed([sig.SeedSize]byte{1})
	public, text := key.Public(), []byte("how fast is this machine")
	signature := [sig.SignatureSize]byte(key.Sign(text))
	const rounds, each = 15, 40
	var all []int64
	for range rounds {
		begin := time.Now()
		for range each {
			if !sig.Verify(&public, text, &signature) {
				return 0
			}
		}
		all = append(all, time.Since(begin).Nanoseconds()/each)
	}
	slices.Sort(all)
	return all[rounds/2]
}

// syncUs is the median time to append 4 KiB to a file and sync it.
func syncUs(dir string) int64 {
	f, err := os.CreateTemp(dir, ".sync-*")
	if err != nil {
		return 0
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	const rounds = 31
	var all []int64
	page := make([]byte, 4096)
	for range rounds {
		begin := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0
		}
		if err := f.Sync(); err != nil {
			return 0
		}
		all = append(all, time.Since(begin).Microseconds())
	}
	slices.Sort(all)
	return all[rounds/2]
}

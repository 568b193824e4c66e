package results

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/lab/scenarios"
)

// Schema is the version of all files of a folder.
const Schema = 1

// Names of files in a folder.
const (
	ScenarioFile  = "scenario.toml"
	ManifestFile  = "manifest.json"
	MachineFile   = "machine.json"
	SummaryFile   = "summary.json"
	ChecksumsFile = "SHA256SUMS"
	NotesFile     = "README.md" // what people say of the folder: nothing derives it, no hash covers it
	rawDir        = "raw"
)

// jsonBytesMax bounds the JSON files of a folder.
const jsonBytesMax = 64 << 20

// Manifest says how a folder came about.
type Manifest struct {
	Schema   int    `json:"schema"`
	Scenario string `json:"scenario"`
	// Version, Commit, Modified and Go are of the program that made it.
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	// Build are the settings of the build that matter for speed.
	Build []string `json:"build,omitempty"`
	Seed  uint64   `json:"seed"`
	// Repeats stands for the scenario's if it is not 0.
	Repeats int `json:"repeats,omitempty"`
	// Seconds, if not 0, is how long runs measure that would have taken longer.
	Seconds float64 `json:"seconds,omitempty"`
	// Costs is where the costs of a simulation are from.
	Costs string           `json:"costs,omitempty"`
	Modes []scenarios.Mode `json:"modes"`
	// Command repeats it.
	Command string `json:"command"`
	// Runs are in the order in which they were made.
	Runs []RunEntry `json:"runs"`
	// Skipped says what was not measured, and why.
	Skipped []Skipped `json:"skipped,omitempty"`
	// Files has the SHA-256 of the scenario, the raw files and, unless all is
	// simulated, of machine.json.
	Files map[string]string `json:"files"`
}

// RunEntry is one run with its raw files, relative to the folder.
type RunEntry struct {
	Part     string         `json:"part"`
	Cell     scenarios.Cell `json:"cell"`
	Repeat   int            `json:"repeat"`
	Seed     uint64         `json:"seed"`
	Samples  string         `json:"samples"`
	Blocks   string         `json:"blocks,omitempty"`
	Counters string         `json:"counters"`
}

// Skipped is an engine of a part, or a cell of it, that was not measured.
type Skipped struct {
	Part   string `json:"part"`
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// Machine says where and when measurements were made.
type Machine struct {
	Started string `json:"started"`
	Host    string `json:"host_os"`
	Kernel  string `json:"kernel,omitempty"`
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	// CPULimit and MemoryLimit are those of the container, if any.
	CPULimit    string `json:"cpu_limit,omitempty"`
	MemoryLimit string `json:"memory_limit,omitempty"`
	MemoryMiB   int64  `json:"memory_mib,omitempty"`
	Governor    string `json:"governor,omitempty"`
	Clock       string `json:"clock_source,omitempty"`
	Disk        string `json:"file_system,omitempty"`
	// VerifyNs is one ed25519 check of the standard library, SyncUs an append of 4 KiB
	// with fsync (median), both measured before the runs; Load is the machine's load
	// at that time.
	VerifyNs int64  `json:"ed25519_verify_ns"`
	SyncUs   int64  `json:"fsync_us"`
	Load     string `json:"load_average,omitempty"`
}

// Folder is a folder of results.
type Folder struct{ Dir string }

// path returns the path of a file of the folder. Names come from a manifest, which
// somebody may have written by hand: they stay below the folder.
func (f Folder) path(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is not in the folder", name)
	}
	return filepath.Join(f.Dir, name), nil
}

// Read returns a file of the folder, at most limit bytes of it.
func (f Folder) Read(name string, limit int64) ([]byte, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return raw, err
}

// Write makes a file of the folder.
func (f Folder) Write(name string, data []byte) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// Sum returns the hexadecimal SHA-256 of data.
func Sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// EncodeJSON writes a file's value.
func EncodeJSON(v any) ([]byte, error) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(raw, '\n'), nil
}

// decodeJSON reads it strictly.
func decodeJSON(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("there is more after the value")
	}
	return nil
}

// Manifest reads the manifest; its bytes are hashed into what is derived.
func (f Folder) Manifest() (m *Manifest, raw []byte, err error) {
	if raw, err = f.Read(ManifestFile, jsonBytesMax); err != nil {
		return nil, nil, fmt.Errorf("read the manifest: %w", err)
	}
	m = new(Manifest)
	if err := decodeJSON(raw, m); err != nil {
		return nil, nil, fmt.Errorf("read the manifest: %w", err)
	}
	if m.Schema != Schema {
		return nil, nil, fmt.Errorf("the manifest has schema %d, this program reads %d", m.Schema, Schema)
	}
	return m, raw, nil
}

// Scenario reads the scenario of the folder.
func (f Folder) Scenario() (*scenarios.Scenario, error) {
	raw, err := f.Read(ScenarioFile, scenarios.FileBytesMax)
	if err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	return scenarios.Decode(ScenarioFile, raw)
}

// Machine reads machine.json.
func (f Folder) Machine() (*Machine, error) {
	raw, err := f.Read(MachineFile, jsonBytesMax)
	if err != nil {
		return nil, fmt.Errorf("read where it ran: %w", err)
	}
	m := new(Machine)
	if err := decodeJSON(raw, m); err != nil {
		return nil, fmt.Errorf("read where it ran: %w", err)
	}
	return m, nil
}

// Simulated reports whether nothing depends on the machine.
func (m *Manifest) Simulated() bool { return len(m.Modes) == 1 && m.Modes[0] == scenarios.Sim }

// CheckFiles returns what differs between the files and the manifest's hashes: one
// sentence each, none if all is well.
func (f Folder) CheckFiles(m *Manifest) (wrong []string) {
	for _, name := range sortedKeys(m.Files) {
		raw, err := f.Read(name, rawBytesMax)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
		case Sum(raw) != m.Files[name]:
			wrong = append(wrong, name+": the hash is not that of the manifest")
		}
	}
	for _, r := range m.Runs {
		for _, name := range []string{r.Samples, r.Blocks, r.Counters} {
			if _, known := m.Files[name]; name != "" && !known {
				wrong = append(wrong, name+": the manifest has no hash of it")
			}
		}
	}
	return wrong
}

func sortedKeys[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// WriteChecksums writes hashes of all files of the folder that the manifest covers
// or that are derived, in the form of sha256sum.
func (f Folder) WriteChecksums(m *Manifest) error {
	var b strings.Builder
	names, err := f.files()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == ChecksumsFile || name == MachineFile && m.Simulated() {
			continue
		}
		raw, err := f.Read(name, rawBytesMax)
		if err != nil {
			return fmt.Errorf("hash the results: %w", err)
		}
		_, _ = fmt.Fprintf(&b, "%s  %s\n", Sum(raw), name)
	}
	return f.Write(ChecksumsFile, []byte(b.String()))
}

// CheckChecksums returns what differs from the checksums.
func (f Folder) CheckChecksums() (wrong []string) {
	raw, err := f.Read(ChecksumsFile, jsonBytesMax)
	if err != nil {
		return []string{err.Error()}
	}
	listed := make(map[string]bool)
	for line := range strings.Lines(string(raw)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s: %q is no line of it", ChecksumsFile, line))
			continue
		}
		listed[name] = true
		if data, err := f.Read(name, rawBytesMax); err != nil || Sum(data) != sum {
			wrong = append(wrong, fmt.Sprintf("%s: the hash is not that of %s", name, ChecksumsFile))
		}
	}
	names, err := f.files()
	if err != nil {
		return append(wrong, err.Error())
	}
	for _, name := range names {
		if !listed[name] && name != ChecksumsFile && name != MachineFile {
			wrong = append(wrong, name+": no file of the experiment")
		}
	}
	return wrong
}

// files returns the names of all files but the notes, ascending.
func (f Folder) files() (names []string, err error) {
	err = filepath.WalkDir(f.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(f.Dir, path)
		if name != NotesFile {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	slices.Sort(names)
	return names, err
}

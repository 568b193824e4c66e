package results

import (
	"fmt"
	"os"
	"strings"
)

// Pack brings the raw files of a folder into the packed form and names them anew in
// the manifest, which is all that changes: rows, counters and what is said of the
// runs stay. The caller has checked the folder before, and draws it again after. The
// old files go last: an interrupted Pack leaves files too many and loses none.
func Pack(f Folder) error {
	m, _, err := f.Manifest()
	if err != nil {
		return err
	}
	var old []string
	for i := range m.Runs {
		for _, name := range []*string{&m.Runs[i].Samples, &m.Runs[i].Blocks} {
			if *name == "" || strings.HasSuffix(*name, ColumnsEnd) {
				continue
			}
			packed, err := f.pack(*name)
			if err != nil {
				return fmt.Errorf("pack %s: %w", *name, err)
			}
			old = append(old, *name)
			delete(m.Files, *name)
			*name = strings.TrimSuffix(strings.TrimSuffix(*name, CSVEnd), ".csv") + ColumnsEnd
			m.Files[*name] = Sum(packed)
			if err := f.Write(*name, packed); err != nil {
				return err
			}
		}
	}
	raw, err := EncodeJSON(m)
	if err != nil {
		return err
	}
	if err := f.Write(ManifestFile, raw); err != nil {
		return err
	}
	for _, name := range old {
		path, err := f.path(name)
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			return fmt.Errorf("remove what was packed: %w", err)
		}
	}
	return nil
}

// pack returns a raw file in the packed form.
func (f Folder) pack(name string) ([]byte, error) {
	samples, blocks, err := f.rows(name)
	switch {
	case err != nil:
		return nil, err
	case blocks != nil:
		return EncodeBlocks(blocks)
	}
	return EncodeSamples(samples)
}

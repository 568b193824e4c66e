package tidy

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// publishedBytesMax bounds docs/experiments, which every clone of the repository
// carries: 25 MB. A run that goes beyond is packed (scrip-lab pack), or one that no
// page cites any more is taken out.
const publishedBytesMax = 25_000_000

// The published runs stay small, are packed, and each is cited beside its own folder.
func TestPublishedRunsAreSmallAndCited(t *testing.T) {
	const root = "../../docs/experiments"
	bytes := int64(0)
	cited := map[string]string{} // the pages by their folder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		bytes += info.Size()
		if strings.HasSuffix(path, ".csv.gz") || strings.HasSuffix(path, "-tx.csv") {
			t.Errorf("%s is not packed: scrip-lab pack %s", path, filepath.Dir(path))
		}
		if strings.HasSuffix(path, ".md") {
			page, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			folder, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			cited[folder] += string(page)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes > publishedBytesMax {
		t.Errorf("docs/experiments has %d bytes, at most %d", bytes, publishedBytesMax)
	}
	manifests, err := filepath.Glob(root + "/*/manifest.json")
	if err != nil || len(manifests) == 0 {
		t.Fatalf("%d published runs (%v)", len(manifests), err)
	}
	for _, m := range manifests {
		name := filepath.Base(filepath.Dir(m))
		found := false
		for folder, pages := range cited {
			found = found || folder != name && strings.Contains(pages, name+"/")
		}
		if !found {
			t.Errorf("no page of docs/experiments cites %s: it need not be published", name)
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/lab/report"
	"github.com/scrip-network/scrip/lab/results"
)

func newPackCommand() *cobra.Command {
	return &cobra.Command{
		Use: "pack FOLDER...", Short: "Bring the raw files of older results into the packed form",
		Args: cobra.MinimumNArgs(1),
		Long: "Bring the raw files of results that were made as compressed CSV into the packed form, which is\n" +
			"a sixth of the size. Rows and numbers stay; hashes and names of the files change. Results that\n" +
			"do not verify are left alone.",
		RunE: func(_ *cobra.Command, args []string) error {
			for _, dir := range args {
				if err := pack(results.Folder{Dir: dir}); err != nil {
					return fmt.Errorf("%s: %w", dir, err)
				}
				fmt.Println(dir, "is packed, and holds")
			}
			return nil
		},
	}
}

// pack checks a folder, packs it, draws it again and checks that.
func pack(f results.Folder) error {
	if err := report.Verify(f); err != nil {
		return err
	}
	before, err := results.Derive(f)
	if err != nil {
		return err
	}
	if err := results.Pack(f); err != nil {
		return err
	}
	if err := report.Write(f); err != nil {
		return err
	}
	after, err := results.Derive(f)
	if err != nil {
		return err
	}
	before.ManifestSHA256 = after.ManifestSHA256
	was, err := results.EncodeJSON(before)
	if err != nil {
		return err
	}
	is, err := f.Read(results.SummaryFile, int64(len(was))+1)
	if err != nil {
		return err
	}
	if string(was) != string(is) {
		return errors.New("other numbers follow from the packed files")
	}
	return report.Verify(f)
}

func newCSVCommand() *cobra.Command {
	return &cobra.Command{
		Use: "csv FILE", Short: "Print a raw file of transactions or blocks as CSV", Args: arguments("FILE"),
		Example: "  scrip-lab csv results/raw/load/P1-n4-500-local-normal-r1-tx.columns.gz",
		RunE: func(_ *cobra.Command, args []string) error {
			f := results.Folder{Dir: filepath.Dir(args[0])}
			return f.WriteCSV(os.Stdout, filepath.Base(args[0]))
		},
	}
}

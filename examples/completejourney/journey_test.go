package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/network"
)

// tiny is a small folder: three campaigns, one without redemptions; household 7
// redeems the same coupon of campaign 1 twice, on different days.
func tiny() map[string]string {
	return map[string]string{
		fileCampaigns: "campaign_id,campaign_type,start_date,end_date\n" +
			"1,Type A,2017-03-03,2017-04-09\n2,Type B,2017-03-08,2017-03-08\n9,Type C,2017-03-13,2017-05-08\n",
		fileReceivers: "campaign_id,household_id\n1,7\n1,8\n1,9\n2,7\n2,10\n9,8\n",
		fileProducts:  "coupon_upc,product_id,campaign_id\n500,1,1\n500,2,1\n501,1,1\n600,3,2\n",
		fileRedemptions: "household_id,coupon_upc,campaign_id,redemption_date\n" +
			"7,500,1,2017-03-04\n7,500,1,2017-03-20\n7,501,1,2017-03-20\n8,500,1,2017-03-05\n10,600,2,2017-03-08\n",
	}
}

func writeFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// scripBinary is the validators' program: that of the variable SCRIP, or one that is
// built once for the test binary.
var scripBinary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if scripBinary = os.Getenv("SCRIP"); scripBinary != "" {
			if _, err := os.Stat(scripBinary); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "completejourney-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		scripBinary = filepath.Join(dir, "scrip")
		build := exec.Command("go", "build", "-o", scripBinary, "github.com/scrip-network/scrip/cmd/scrip")
		if text, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build scrip: %v\n%s", err, text)
			return 1
		}
		return m.Run()
	}())
}

func TestATinyFolderIsReplayedWithEqualTotalsAndOnceMoreWithoutEffect(t *testing.T) {
	var out bytes.Buffer
	if err := start(t.Context(), []string{writeFolder(t, tiny()), "--scrip", scripBinary}, &out, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		// Campaign 1: tickets for 7 (three), 8 and 9; four redemptions of 2.00 by two households.
		"1          Type A          5        4        4        2     8.00 EUR",
		"2          Type B          2        1        1        1     1.00 EUR",
		"9          Type C          1        0        0        0     0.00 EUR",
		"all                        8        5        5        3     9.00 EUR",
		"totals of 3 campaigns and 4 receiving households",
		"second redemptions: 5 refused as used (E509)", "second replay: everything was found done",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

// TestAFolderIsReplayedOnAChainThatRuns replays on a network that is not the program's own, and again
// after data was added to the chain by another folder.
func TestAFolderIsReplayedOnAChainThatRuns(t *testing.T) {
	n, err := network.Create(network.Config{Executable: scripBinary, Dir: filepath.Join(t.TempDir(), "network"),
		Name: "replay", Validators: 4, Settings: map[string]string{"log-level": "warn"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if err := n.WaitReady(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	args := []string{"--genesis", n.GenesisPath(), "--key-dir", filepath.Join(n.Dir(), "keys")}
	for _, u := range n.URLs() {
		args = append(args, "--node", u)
	}
	other := tiny()
	other[fileRedemptions] += "9,501,1,2017-03-06\n"
	for round, files := range []map[string]string{tiny(), other, tiny()} {
		var out bytes.Buffer
		if err := start(t.Context(), append([]string{writeFolder(t, files)}, args...), &out, false); err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, out.String())
		}
		if found := strings.Contains(out.String(),
			"0 transactions handed in, 5 coupons were redeemed before"); found != (round == 2) {
			t.Errorf("round %d: found done: %v\n%s", round, found, out.String())
		}
	}
}

func TestTheWholeDataSetIsReplayed(t *testing.T) {
	dir := os.Getenv("SCRIP_COMPLETEJOURNEY")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data", "completejourney")
	}
	if _, err := os.Stat(filepath.Join(dir, fileCampaigns)); err != nil {
		t.Skipf("the data set is not here; name its folder in SCRIP_COMPLETEJOURNEY: %v", err)
	}
	if testing.Short() {
		t.Skip("it takes about half a minute")
	}
	var out bytes.Buffer
	if err := start(t.Context(), []string{dir, "--scrip", scripBinary}, &out, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"18 campaigns and 1489 receiving households", "1910     1910      389",
		"1910 refused as used",
		"second replay: everything was found done"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestAFolderThatContradictsItselfIsRefusedByFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"a redeeming household that got nothing": {fileRedemptions, "10,600,2", "11,600,2",
			"line 6: household 11 did not get campaign 2"},
		"an unknown campaign":         {fileReceivers, "9,8", "3,8", "line 7: there is no campaign \"3\""},
		"an end before the beginning": {fileCampaigns, "2017-04-09", "2017-03-01", "line 2: campaign 1 lasts"},
		"a date of another form":      {fileCampaigns, "2017-04-09", "04/09/17", "line 2:"},
		"a campaign twice": {fileCampaigns, "9,Type C", "2,Type C",
			"line 4: campaign \"2\" is there twice"},
		"a missing column": {fileProducts, "coupon_upc", "upc", "no column \"coupon_upc\""},
	} {
		files := tiny()
		files[c.file] = strings.Replace(files[c.file], c.old, c.new, 1)
		if _, err := readFolder(writeFolder(t, files)); err == nil || !strings.Contains(err.Error(),
			c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	files := tiny()
	delete(files, fileProducts)
	if _, err := readFolder(writeFolder(t, files)); err == nil || !strings.Contains(err.Error(), "expected form") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestThePlanFollowsFromTheDataAndTheSecretAlone(t *testing.T) {
	dir := writeFolder(t, tiny())
	dev, err := genesis.Dev("plan", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	till, expires := coupon.NewSigner([32]byte{9}), uint64(time.Now().UnixMilli())
	planned := func(secret [32]byte, change func(files map[string]string)) (all [][]byte) {
		at := dir
		if change != nil {
			files := tiny()
			change(files)
			at = writeFolder(t, files)
		}
		f, err := readFolder(at)
		if err != nil {
			t.Fatal(err)
		}
		p := newPlan(f, dev.Genesis.Chain(), secret)
		for i, c := range p.campaigns {
			c.number, c.batch = uint32(i+1), 1
			for _, ticket := range c.redeemed() {
				all = append(all, p.claim(c, ticket, expires, expires), p.redeem(c, ticket, till, 978, expires))
			}
		}
		return all
	}
	first := planned([32]byte{1}, nil)
	seen := map[string]bool{}
	for _, raw := range first {
		seen[string(raw)] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d transactions for 5 coupons, two of one kind and household", len(seen))
	}
	for i, raw := range planned([32]byte{1}, nil) {
		if !bytes.Equal(raw, first[i]) {
			t.Fatalf("transaction %d differs in the same plan", i)
		}
	}
	for name, other := range map[string][][]byte{
		"another secret": planned([32]byte{2}, nil),
		"other data":     planned([32]byte{1}, func(f map[string]string) { f[fileProducts] += "777,7,9\n" }),
	} {
		for _, raw := range other {
			if seen[string(raw)] {
				t.Errorf("%s gives the same transaction", name)
			}
		}
	}
}

func TestADifferenceBetweenFilesAndChainIsNamed(t *testing.T) {
	file, err := countFolder(writeFolder(t, tiny()), faceOf)
	if err != nil {
		t.Fatal(err)
	}
	chain := &totals{by: map[string]counts{}, households: file.households}
	for id, c := range file.by {
		chain.by[id] = c
	}
	if d := compare(file, chain); len(d) != 0 {
		t.Errorf("equal totals differ: %v", d)
	}
	c := chain.by["1"]
	c.value--
	chain.by["1"] = c
	if d := compare(file, chain); len(d) != 1 || !strings.Contains(d[0], "campaign 1") {
		t.Errorf("a missing cent: %v", d)
	}
}

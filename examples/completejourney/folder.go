package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The files of a folder.
const (
	fileCampaigns   = "campaign_descriptions.csv"
	fileReceivers   = "campaigns.csv"
	fileProducts    = "coupons.csv"
	fileRedemptions = "coupon_redemptions.csv"
)

// fileBytesMax bounds a file.
const fileBytesMax = 256 << 20

// fileCampaign is a campaign of the folder.
type fileCampaign struct {
	id, kind string
	days     int // from its first day to its last, both included
	// products is the digest of the goods that its coupons are good for, zero if
	// the folder lists none.
	products [32]byte
	// receivers are the households that got it, in the order of the file.
	receivers []string
}

// fileRedemption is one redeemed coupon.
type fileRedemption struct {
	household, upc, campaign, date string
}

// folder is the content of the four files.
type folder struct {
	campaigns   []*fileCampaign
	redemptions []fileRedemption
	// digest is of the bytes of all files.
	digest [32]byte
}

// byID returns a campaign.
func (f *folder) byID(id string) (*fileCampaign, bool) {
	i := slices.IndexFunc(f.campaigns, func(c *fileCampaign) bool { return c.id == id })
	if i < 0 {
		return nil, false
	}
	return f.campaigns[i], true
}

// readFolder reads and checks a folder. Its errors name file and line.
func readFolder(dir string) (*folder, error) {
	f := &folder{}
	all := sha256.New()
	for _, read := range []struct {
		name    string
		columns []string
		row     func(f *folder, v []string) error
	}{
		{fileCampaigns, []string{"campaign_id", "campaign_type", "start_date", "end_date"}, (*folder).addCampaign},
		{fileReceivers, []string{"campaign_id", "household_id"}, (*folder).addReceiver},
		{fileRedemptions, []string{"household_id", "coupon_upc", "campaign_id", "redemption_date"}, (*folder).addRedemption},
	} {
		err := readTable(filepath.Join(dir, read.name), all, read.columns, func(v []string) error { return read.row(f, v) })
		if err != nil {
			return nil, err
		}
	}
	if err := f.readProducts(filepath.Join(dir, fileProducts), all); err != nil {
		return nil, err
	}
	if len(f.campaigns) == 0 {
		return nil, fmt.Errorf("%s has no campaign", filepath.Join(dir, fileCampaigns))
	}
	all.Sum(f.digest[:0])
	return f, nil
}

// readTable calls row with the named columns of each row of a CSV file, and
// writes the file's bytes to digest.
func readTable(path string, digest io.Writer, columns []string, row func(v []string) error) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("this folder is not of the expected form: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, _ = fmt.Fprintf(digest, "%d:%s\n", len(filepath.Base(path)), filepath.Base(path))
	r := csv.NewReader(io.TeeReader(io.LimitReader(file, fileBytesMax), digest))
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	at := make([]int, len(columns))
	for i, name := range columns {
		if at[i] = slices.Index(head, name); at[i] < 0 {
			return fmt.Errorf("%s has no column %q", path, name)
		}
	}
	values := make([]string, len(columns))
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for i := range at {
			values[i] = strings.Clone(record[at[i]])
		}
		if err := row(values); err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("%s, line %d: %w", path, line, err)
		}
	}
}

func (f *folder) addCampaign(v []string) error {
	if _, known := f.byID(v[0]); known || v[0] == "" {
		return fmt.Errorf("campaign %q is there twice, or has no name", v[0])
	}
	start, err := time.Parse(time.DateOnly, v[2])
	if err != nil {
		return err
	}
	end, err := time.Parse(time.DateOnly, v[3])
	if err != nil {
		return err
	}
	days := int(end.Sub(start).Hours()/24) + 1
	if days < 1 || days > 3650 {
		return fmt.Errorf("campaign %s lasts %d days", v[0], days)
	}
	f.campaigns = append(f.campaigns, &fileCampaign{id: v[0], kind: v[1], days: days})
	return nil
}

func (f *folder) addReceiver(v []string) error {
	c, ok := f.byID(v[0])
	if !ok {
		return fmt.Errorf("there is no campaign %q", v[0])
	}
	c.receivers = append(c.receivers, v[1])
	return nil
}

func (f *folder) addRedemption(v []string) error {
	c, ok := f.byID(v[2])
	if !ok {
		return fmt.Errorf("there is no campaign %q", v[2])
	}
	if !slices.Contains(c.receivers, v[0]) {
		return fmt.Errorf("household %s did not get campaign %s", v[0], v[2])
	}
	f.redemptions = append(f.redemptions, fileRedemption{v[0], v[1], v[2], v[3]})
	return nil
}

// readProducts reads which goods the coupons of each campaign are good for.
func (f *folder) readProducts(path string, digest io.Writer) error {
	goods := make(map[string][]string)
	err := readTable(path, digest, []string{"coupon_upc", "product_id", "campaign_id"}, func(v []string) error {
		if _, ok := f.byID(v[2]); !ok {
			return fmt.Errorf("there is no campaign %q", v[2])
		}
		goods[v[2]] = append(goods[v[2]], v[0]+","+v[1])
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range f.campaigns {
		if list := goods[c.id]; len(list) > 0 {
			slices.Sort(list)
			c.products = sha256.Sum256([]byte(strings.Join(slices.Compact(list), "\n")))
		}
	}
	return nil
}

// name is a short name of the folder's content.
func (f *folder) name() string { return hex.EncodeToString(f.digest[:4]) }

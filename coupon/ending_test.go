package coupon

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

const endingsFile = "testdata/endings.json"

// endings is the table that tells every implementation which receipts end an id:
// by code, the ending for each kind of transaction ("0": the kind is not known).
type endings struct {
	Meaning map[string]string  `json:"meaning"`
	Kinds   map[string]string  `json:"kinds"`
	Codes   map[string]codeEnd `json:"codes"`
}

type codeEnd struct {
	Name string `json:"name"`
	// Receipt says whether a receipt can carry the code.
	Receipt bool              `json:"receipt"`
	Ending  map[string]string `json:"ending"`
}

func makeEndings() endings {
	e := endings{Meaning: map[string]string{
		StaysOpen.String():   "ends nothing: the same bytes may be accepted until they expire; never call it final",
		EndedBefore.String(): "the outcome that counts is another: fetch and prove the first receipt, which this one names",
		Ended.String():       "the outcome of the id for ever, once the receipt is proven",
	}, Kinds: map[string]string{"0": "not known"}, Codes: map[string]codeEnd{}}
	codes := []Code{OK}
	for _, info := range Codes() {
		codes = append(codes, info.Code)
	}
	for _, k := range KindsAt(Version2) {
		e.Kinds[strconv.Itoa(int(k))] = k.String()
	}
	for _, c := range codes {
		row := codeEnd{Name: c.Name(), Receipt: c.InReceipt(), Ending: map[string]string{}}
		for _, k := range append(KindsAt(Version2), 0) {
			row.Ending[strconv.Itoa(int(k))] = c.Ending(k).String()
		}
		e.Codes[c.String()] = row
	}
	return e
}

// The shared table is that of the rules, whose order tests execute each case of it.
func TestTheTableOfEndingsIsThatOfTheRules(t *testing.T) {
	want, err := json.MarshalIndent(makeEndings(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *rewrite {
		if err := os.WriteFile(endingsFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(endingsFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the rules say (%v)", endingsFile, err)
	}
}

// What ends nothing, spelled out: a receipt that stays out of this list and is not
// recorded would let a client give up, or hand over, too early.
func TestWhatEndsNoID(t *testing.T) {
	for _, k := range append(KindsAt(Version2), 0) {
		for _, info := range Codes() {
			open := false
			switch info.Code {
			case TxExpired, NotAuthorised, LifeTooLong, Quorum,
				BadEncoding, BadSignature, WrongChain, TooLarge, Overloaded:
				open = true
			case NotFound:
				open = k == 0 || k == KindCampaignPause || k == KindCampaignResume || k == KindCampaignClose ||
					k == KindBatchCommit || k == KindCampaignAmend || k == KindCouponIssue
			}
			open = open || (k == KindSeatReady || k == KindMisbehaviour) && info.Code != DuplicateTx ||
				k == 0 && (info.Code == EvidenceInvalid || info.Code == TooLate)
			want := Ended
			if open {
				want = StaysOpen
			} else if info.Code == DuplicateTx {
				want = EndedBefore
			}
			if got := info.Code.Ending(k); got != want {
				t.Errorf("%s of %s: %s, want %s", info.Code, k, got, want)
			}
		}
		if OK.Ending(k) != Ended {
			t.Errorf("OK of %s does not end the id", k)
		}
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/profile/texts"
)

// termsAnswer is what programs are told of the text of terms; the fields are stable.
type termsAnswer struct {
	Campaign uint32      `json:"campaign"`
	Version  uint16      `json:"version"`
	Hash     client.Hash `json:"hash"`
	// Text is missing if no node has it.
	Text string `json:"text,omitempty"`
	// Published is what each node said of a text that was handed in.
	Published []publishedAnswer `json:"published,omitempty"`
}

func newTermsCommand(a *App) *cobra.Command {
	var give string
	c := &cobra.Command{
		Use: "terms NO", Short: "Read the text of a campaign's terms, or hand it to the nodes", Args: arguments("NO"),
		Long: "The ledger has the SHA-256 of the text; nodes keep the text beside it. What is shown has\n" +
			"the hash that the proven terms of the campaign have: it is what the issuer signed. --give\n" +
			"hands in a text that no node has, byte for byte as it was when the campaign was made.",
		Example: "  scrip campaign terms 1\n  scrip campaign terms 1 --give terms.txt",
		RunE: on(a, parseCampaign, func(ctx context.Context, cl *client.Client, n uint32) error {
			x, err := cl.Campaign(ctx, n)
			if err != nil {
				return err
			}
			answer := termsAnswer{Campaign: n, Version: x.Version, Hash: x.Terms.TermsHash}
			if give != "" {
				return a.giveTerms(ctx, cl, answer, give)
			}
			answer.Text, err = cl.TermsText(ctx, answer.Hash)
			if errors.Is(err, client.ErrNotFound) {
				return &Error{Exit: ExitNotFound, Text: "no node has the text of these terms",
					Remedy: "Who has it can hand it in: scrip campaign terms " + fmt.Sprint(n) + " --give FILE.", Cause: err}
			}
			if err != nil {
				return err
			}
			return a.Show(answer, Fields{{"campaign", a.bold(fmt.Sprint(n))}, {"title", x.Terms.Title},
				{"version", fmt.Sprint(x.Version)}, {"hash", answer.Hash.String()}, {"text", answer.Text}})
		}),
	}
	c.Flags().StringVar(&give, "give", "", "hand in the text of a file")
	return c
}

// giveTerms hands the text of a file to all nodes.
func (a *App) giveTerms(ctx context.Context, cl *client.Client, x termsAnswer, path string) error {
	text, err := textfile.Read(path, texts.BytesMax)
	if err != nil {
		return &Error{Exit: ExitUsage, Cause: err}
	}
	if texts.Hash(text) != x.Hash {
		return &Error{Exit: ExitUsage, Text: "the text is not the one that the campaign's terms name",
			Remedy: "Its hash must be " + x.Hash.String() + "."}
	}
	said, err := cl.PublishTermsText(ctx, x.Campaign, x.Version, string(text))
	if err != nil {
		return err
	}
	taken := 0
	for _, h := range said {
		p := publishedAnswer{Node: h.Node, Taken: h.Err == nil}
		if h.Err != nil {
			p.Error = h.Err.Error()
		} else {
			taken++
		}
		x.Published = append(x.Published, p)
	}
	return a.Show(x, Fields{{"campaign", a.bold(fmt.Sprint(x.Campaign))}, {"hash", x.Hash.String()},
		{"kept by", fmt.Sprintf("%d of %d nodes", taken, len(said))}})
}

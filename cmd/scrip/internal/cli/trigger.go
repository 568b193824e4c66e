package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/demo"
)

func newTriggerCommand(a *App) *cobra.Command {
	var set []string
	list := false
	c := &cobra.Command{
		Use: "trigger OUTCOME", Short: "Bring about an event, or a refusal, on a demonstration",
		Long: "Bring about an event, or one of ten refusals, on a demonstration that runs: what leads up to\n" +
			"it happens too, with a campaign of its own. --list names all outcomes.\n\n" +
			"--set changes what is used: title=TEXT and face=MINOR-UNITS of the campaign, till=bakery or\n" +
			"till=bookshop.",
		Example: "  scrip trigger redemption.accrued\n  scrip trigger already_redeemed --set till=bookshop\n" +
			"  scrip trigger --list",
		Args: func(c *cobra.Command, args []string) error {
			if list {
				return arguments()(c, args)
			}
			return arguments("OUTCOME")(c, args)
		},
		ValidArgs: demo.Triggers(),
		RunE: func(c *cobra.Command, args []string) error {
			if list {
				rows := Rows{Head: []string{"OUTCOME"}}
				for _, name := range demo.Triggers() {
					rows.Body = append(rows.Body, []string{name})
				}
				return ShowAll(a, demo.Triggers(), rows)
			}
			return a.trigger(c.Context(), args[0], set)
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "NAME=VALUE: title, face or till; repeatable")
	c.Flags().BoolVar(&list, "list", false, "list the outcomes, and end")
	return c
}

func (a *App) trigger(ctx context.Context, name string, set []string) error {
	if !slices.Contains(demo.Triggers(), name) {
		return &Error{Exit: ExitUsage, Text: "there is no outcome " + quoted(name), Next: "scrip trigger --list"}
	}
	s, err := triggerSettings(set)
	if err != nil {
		return err
	}
	dev, nodes, err := a.runningDemo()
	if err != nil {
		return err
	}
	o, err := demo.Trigger(ctx, dev, nodes, name, s)
	if err != nil {
		return err
	}
	f := Fields{{"outcome", name}}
	if o.Word != "" {
		f = append(f, [2]string{"refused", o.Code + " " + o.Word})
	}
	if o.Height > 0 {
		f = append(f, [2]string{"height", strconv.FormatUint(o.Height, 10)})
	}
	return a.Show(o, append(f, [2]string{"transaction", o.Tx}))
}

func triggerSettings(set []string) (s demo.Settings, err error) {
	for _, text := range set {
		name, value, _ := strings.Cut(text, "=")
		switch name {
		case "title":
			s.Title = value
		case "face":
			if s.Face, err = strconv.ParseUint(value, 10, 32); err != nil || s.Face < 2 {
				return s, usageError("--set face: %q is no amount in minor units, such as 500", value)
			}
		case "till":
			if value != "bakery" && value != "bookshop" {
				return s, usageError("--set till: %q is neither bakery nor bookshop", value)
			}
			s.Bookshop = value == "bookshop"
		default:
			return s, &Error{Exit: ExitUsage, Text: fmt.Sprintf("--set: %q is none of title, face, till", name),
				Next: "scrip trigger --help"}
		}
	}
	return s, nil
}

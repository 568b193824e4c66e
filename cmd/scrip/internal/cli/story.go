package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/demo"
)

// runStory plays the life of a coupon on a fresh network.
func (a *App) runStory(ctx context.Context, o demoOptions) (err error) {
	if o.state != "" {
		return usageError("the story is played on a fresh network: leave --state away")
	}
	begin := time.Now()
	n, clean, err := a.openDemo(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	if err := a.startDemo(ctx, n); err != nil {
		return err
	}
	first := demo.Step{Name: "start", What: fmt.Sprintf("%d validators start and agree", n.Size()),
		Ms: float64(time.Since(begin).Microseconds()) / 1000}
	var failed error
	show := func(s demo.Step) { failed = errors.Join(failed, a.Stream(s, a.stepText(s))) }
	show(first)
	if err := errors.Join(demo.Play(ctx, n, show), failed); err != nil {
		return err
	}
	a.Say("every step came out, in %.1f s", time.Since(begin).Seconds())
	return nil
}

// stepText is a step for people.
func (a *App) stepText(s demo.Step) string {
	text := fmt.Sprintf("%8.1f ms  %s", s.Ms, s.What)
	if s.Detail != "" {
		text += "\n" + fmt.Sprintf("%13s%s", "", a.dim(s.Detail))
	}
	return text
}

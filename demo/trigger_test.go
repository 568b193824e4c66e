package demo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/demo"
)

// Each trigger brings about what it is called after: all events of version 1 of the rules,
// and ten refusals.
func TestTriggersBringAboutTheirOutcome(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	refusals := 0
	t.Run("all", func(t *testing.T) {
		for _, name := range demo.Triggers() {
			if !strings.Contains(name, ".") {
				refusals++
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o, err := demo.Trigger(ctx, x.Dev, x.URLs(), name, demo.Settings{})
				if err != nil {
					t.Fatal(err)
				}
				if e, ok := coupon.ParseEventType(name); ok {
					if o.Event != e.String() || o.Code != "OK" || !o.Final || o.Height == 0 {
						t.Errorf("%+v", o)
					}
				} else if o.Word != name || o.Event != "" || o.Code == "OK" {
					t.Errorf("%+v", o)
				}
			})
		}
	})
	if events := len(demo.Triggers()) - refusals; events != len(coupon.EventTypes()) || refusals != 10 {
		t.Errorf("%d events of %d, %d refusals", events, len(coupon.EventTypes()), refusals)
	}
	if _, err := demo.Trigger(ctx, x.Dev, x.URLs(), "coupon.eaten", demo.Settings{}); err == nil {
		t.Error("there is an outcome that nobody knows")
	}
	o, err := demo.Trigger(ctx, x.Dev, x.URLs(), "already_redeemed", demo.Settings{Bookshop: true, Face: 300})
	if err != nil || !o.Final || o.Height == 0 {
		t.Errorf("at the bookshop: %+v, %v", o, err)
	}
}

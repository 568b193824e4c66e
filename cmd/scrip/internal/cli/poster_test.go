package cli

import "testing"

func TestThePosterOfALinkIsReadWhateverHangsOnBehindIt(t *testing.T) {
	for _, mark := range []string{"#", "%23"} {
		for _, tail := range []string{"", ".", ")", ",", ">", "。", " thanks", "%20", "&utm_source=x", "?fbclid=abc"} {
			link := "A coupon: https://coupons.example/p" + mark + "c=4"
			if n, desk, ok := parsePoster(link + tail); !ok || n != 4 || desk != "" {
				t.Errorf("%q: campaign %d, desk %q, %v", link+tail, n, desk, ok)
			}
			link += "&d=https%3A%2F%2Fdesk.example%3A8080"
			if n, desk, ok := parsePoster(link + tail); !ok || n != 4 || desk != "https://desk.example:8080" {
				t.Errorf("%q: campaign %d, desk %q, %v", link+tail, n, desk, ok)
			}
		}
	}
	for _, tail := range []string{"", ".", ")", " thanks", "?fbclid=abc", "#", "&utm_source=x"} {
		if n, desk, ok := parsePoster("https://pay.example/p/4" + tail); !ok || n != 4 || desk != "" {
			t.Errorf("%q: campaign %d, desk %q, %v", tail, n, desk, ok)
		}
	}
	if link := posterLink("https://x/", 4, "https://desk.example"); link != "https://x/p/4#d=https%3A%2F%2Fdesk.example" {
		t.Errorf("link %s", link)
	} else if n, desk, ok := parsePoster(link + ")"); !ok || n != 4 || desk != "https://desk.example" {
		t.Errorf("campaign %d, desk %q, %v", n, desk, ok)
	}
	for _, bad := range []string{"", "https://coupons.example/p", "https://coupons.example/p#c=0", "x/p#c=1e9",
		"x/p#c=4294967296",
		"x/p/4x", "x/portal/4", "x/p/0", "x/p#d=https://desk.example", "x/c#c=4", "x/p#c=4&d=javascript:alert(1)"} {
		if n, desk, ok := parsePoster(bad); ok {
			t.Errorf("%q: campaign %d, desk %q", bad, n, desk)
		}
	}
}

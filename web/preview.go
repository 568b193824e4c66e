package web

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
)

// Campaign is what a preview says of a campaign: what anybody can read on the ledger.
type Campaign struct {
	Title  string
	Issuer string // its name
}

// linkForm is the path of a link to a ticket, a gift, an invoice or a poster. The number
// of a campaign may follow: it is public, and lets chats show what the link is about.
var linkForm = regexp.MustCompile(`^/([cgip])(?:/([1-9][0-9]{0,9}))?$`)

// previewWords are what a link is, in the words that a chat shows, by the letter of its
// path.
var previewWords = map[string]struct{ title, text string }{
	"c": {"A coupon for you · 送您一张券", "Open the link to see it and claim it. 打开链接查看并领取。"},
	"g": {"A gift for you · 送您一份礼物", "Open the link to see it and take it. 打开链接查看并收下。"},
	"i": {"Pay with a coupon · 用券付款", "Open the link on the phone that has your coupons. 请在存有券的手机上打开。"},
	"p": {"A coupon for you · 送您一张券", "Open the link to see it and claim it. 打开链接查看并领取。"},
}

var (
	headTitle       = regexp.MustCompile(`<title>[^<]*</title>`)
	headDescription = regexp.MustCompile(`<meta name="description"[^>]*>`)
)

// link answers with the wallet's page, which reads what stands behind the #. Its head
// says what chats show of the link; who asks for it is given nothing that is not
// public, and nothing is consumed.
func (h *Handler) link(w http.ResponseWriter, r *http.Request, kind, campaign string) {
	page := h.files["/wallet/index.html"]
	if page == nil {
		h.index(w, r, "wallet")
		return
	}
	words := previewWords[kind]
	title, text := words.title, words.text
	if n, err := strconv.ParseUint(campaign, 10, 32); err == nil && h.campaign != nil {
		if c, ok := h.campaign(uint32(n)); ok {
			title, text = c.Title, c.Issuer+" · "+words.title+". "+words.text
		}
	}
	h.serve(w, r, "wallet", newFile("index.html", h.head(page.body, title, text)), http.StatusOK)
}

// head puts title and text of a preview into a page, as text.
func (h *Handler) head(page []byte, title, text string) []byte {
	site, title, text := html.EscapeString(h.name), html.EscapeString(title), html.EscapeString(text)
	tags := fmt.Sprintf(`<title>%s</title>
    <meta property="og:type" content="website" />
    <meta property="og:site_name" content="%s" />
    <meta property="og:title" content="%s" />
    <meta property="og:description" content="%s" />
    <meta name="twitter:card" content="summary" />`, title, site, title, text)
	if h.origin != "" {
		tags += "\n    <meta property=\"og:image\" content=\"" + html.EscapeString(h.origin) + "/wallet/icon-512.png\" />"
	}
	page = headDescription.ReplaceAllLiteral(page, []byte(`<meta name="description" content="`+text+`" />`))
	if at := headTitle.FindIndex(page); at != nil {
		return bytes.Join([][]byte{page[:at[0]], []byte(tags), page[at[1]:]}, nil)
	}
	return page
}

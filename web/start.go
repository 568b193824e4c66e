package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

// stylePath is where the start page's style lies.
const stylePath = "/start.css"

const startStyle = `:root{color-scheme:light dark;--paper:#fbfaf6;--ink:#1d1b16;--soft:#6a655a;--line:#cfc9ba}
@media (prefers-color-scheme:dark){:root{--paper:#191813;--ink:#ece8dd;--soft:#a8a294;--line:#454137}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:0 auto;padding:3rem 1.25rem}
h1{font-size:1.5rem;margin:0 0 .25rem;letter-spacing:.01em}
h2{font-size:1.125rem;margin:2.5rem 0 .25rem}
i{font-style:normal}
p{margin:.25rem 0 1.5rem;color:var(--soft)}
ul{list-style:none;margin:0;padding:0;border-top:1px solid var(--line)}
li{border-bottom:1px solid var(--line)}
a{display:block;padding:1rem 0;color:inherit;text-decoration:none}
a b{display:block}
a span{display:block;color:var(--soft)}
a:hover b,a:focus-visible b{text-decoration:underline}
a:focus-visible{outline:3px solid Highlight;outline-offset:2px}
`

const startPage = `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Scrip</title>
<link rel="stylesheet" href="` + stylePath + `"></head><body><main>
<h1>Scrip</h1><p>Coupons on a ledger that its members run together. <span lang="zh">由成员共同记账的电子优惠券。</span></p>
{{if not .Faces}}<p>The faces are not built into this program. The node itself works: see its
interface. <span lang="zh">此程序未内置界面，节点接口可正常使用。</span></p>
{{end}}<ul>
{{range .Faces}}<li><a href="/{{.Path}}"><b>{{.Name}} · <i lang="zh">{{.Chinese}}</i></b>
<span>{{.Text}}</span></a></li>
{{end}}<li><a href="/docs"><b>Interface · <i lang="zh">接口</i></b>
<span>What programs can ask this node.</span></a></li>
</ul>
{{with .People}}<h2>Be somebody of this demonstration · <i lang="zh">以演示人物身份进入</i></h2>
<p>Their keys are public. <span lang="zh">这些密钥是公开的。</span></p>
<ul>
{{range .}}<li><a href="{{.URL}}"><b>{{.Who}} · {{.Name}} · <i lang="zh">{{.Chinese}}</i></b>
{{with .Text}}<span>{{.}}</span>{{end}}</a></li>
{{end}}</ul>
{{end}}</main></body></html>
`

// entry is a line of the start page.
type entry struct{ Path, Name, Chinese, Text string }

// visit is a line of the start page that opens a face as somebody.
type visit struct{ Who, Name, Chinese, URL, Text string }

// called is how the start page names what a link opens.
var called = map[string]entry{
	"wallet":   {"wallet/", "Wallet", "钱包", "Get coupons, keep them, give them, use them."},
	"console":  {"console/", "Console", "商户后台", "For shops: campaigns, tills, what was taken."},
	"till":     {"till/", "Till", "收银台", "For cashiers: take a coupon."},
	"explorer": {"explorer/", "Explorer", "账本", "What the ledger says, for anybody, with proofs."},
	"ticket":   {Name: "Ticket", Chinese: "领券码"},
	"gift":     {Name: "Gift", Chinese: "礼物"},
	"poster":   {Name: "Poster", Chinese: "海报"},
}

// makeStart makes ready the page that lists the faces that are there.
func (h *Handler) makeStart() (err error) {
	if h.start, err = template.New("").Parse(startPage); err != nil {
		return fmt.Errorf("make the start page: %w", err)
	}
	h.style = newFile("start.css", []byte(startStyle))
	h.plain, err = h.startFile(nil)
	return err
}

// startFile is the start page with these lines for people.
func (h *Handler) startFile(people []visit) (*file, error) {
	data := struct {
		Faces  []entry
		People []visit
	}{People: people}
	for _, face := range []string{"wallet", "console", "till", "explorer"} {
		if slices.Contains(h.faces, face) {
			data.Faces = append(data.Faces, called[face])
		}
	}
	var b bytes.Buffer
	if err := h.start.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("make the start page: %w", err)
	}
	return newFile("index.html", b.Bytes()), nil
}

// visits are the lines for people; what is no link of a known kind is left out.
func (h *Handler) visits() (all []visit) {
	if h.people == nil {
		return nil
	}
	for _, p := range h.people() {
		c, ok := called[p.Face]
		u, err := url.Parse(p.URL)
		if !ok || p.Who == "" || err != nil || (u.Scheme != "http" && u.Scheme != "https") {
			continue
		}
		all = append(all, visit{Who: p.Who, Name: c.Name, Chinese: c.Chinese, URL: p.URL, Text: p.Text})
	}
	return all
}

// welcome answers with the start page.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request, status int) {
	page := h.plain
	if people := h.visits(); len(people) > 0 {
		// A template that has been filled once fails for no data of the same types.
		if f, err := h.startFile(people); err == nil {
			page = f
		}
	}
	h.serve(w, r, "", page, status)
}

package web

import (
	"bytes"
	"fmt"
	"html/template"
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
{{if .Faces}}{{else}}<p>The faces are not built into this program. The node itself works: see its
interface. <span lang="zh">此程序未内置界面，节点接口可正常使用。</span></p>
{{end}}<ul>
{{range .Faces}}<li><a href="/{{.Path}}"><b>{{.Name}} · <span lang="zh">{{.Chinese}}</span></b>
<span>{{.Text}}</span></a></li>
{{end}}<li><a href="/docs"><b>Interface · <span lang="zh">接口</span></b>
<span>What programs can ask this node.</span></a></li>
</ul></main></body></html>
`

// entry is a line of the start page.
type entry struct{ Path, Name, Chinese, Text string }

// makeStart makes the page that lists the faces that are there.
func (h *Handler) makeStart() error {
	t, err := template.New("").Parse(startPage)
	if err != nil {
		return fmt.Errorf("make the start page: %w", err)
	}
	var data struct{ Faces []entry }
	for _, e := range []entry{
		{"wallet/", "Wallet", "钱包", "Get coupons, keep them, give them, use them."},
		{"console/", "Console", "商户后台", "For shops: campaigns, tills, what was taken."},
		{"till/", "Till", "收银台", "For cashiers: take a coupon."},
		{"explorer/", "Explorer", "账本", "What the ledger says, for anybody, with proofs."},
	} {
		if slices.Contains(h.faces, e.Path[:len(e.Path)-1]) {
			data.Faces = append(data.Faces, e)
		}
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return fmt.Errorf("make the start page: %w", err)
	}
	h.start = newFile("index.html", b.Bytes())
	h.style = newFile("start.css", []byte(startStyle))
	return nil
}

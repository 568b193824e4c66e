// Package web serves the four faces of a node: wallet, console, till and explorer.
// They are built from the sources beside this file into dist, which is part of the
// program: a node needs no other host to show them, and their pages may talk to no
// host that the operator has not named.
//
// The handler answers GET and HEAD only and changes nothing. Secrets in links stand
// behind a #, which no browser sends.
package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// Faces are the names of the four faces; each lies below /NAME/.
func Faces() []string { return []string{"wallet", "console", "till", "explorer"} }

// Config is what New needs.
type Config struct {
	// Files holds a folder for each face with its index.html; nil means those that
	// the program was built with.
	Files fs.FS
	// Connect are the web origins that pages may talk to beside their own, such as
	// "https://node2.example": other nodes and ticket desks.
	Connect []string
	// Name is that of the member whose node this is, for previews of links; "" = "Scrip".
	Name string
	// Origin is the web origin under which others know the node; "" = previews have no
	// picture.
	Origin string
	// Campaign returns what is public of a campaign, if there is one of the number; nil =
	// previews name none. It is called by many goroutines.
	Campaign func(number uint32) (Campaign, bool)
	// People returns whom the start page lets one be: those of a demonstration, whose keys
	// are public. nil = nobody. It is called by many goroutines.
	People func() []Person
}

// Person is somebody of a demonstration, with a link that opens a face as them.
type Person struct {
	// Face is what the link opens, as "wallet", or a thing that is opened in one, as "ticket".
	Face string `json:"face"`
	Who  string `json:"who,omitempty"`
	URL  string `json:"url"`
	// Text says in a few words what there is to see.
	Text string `json:"text,omitempty"`
}

// Handler serves the faces. It is safe for concurrent use.
type Handler struct {
	files   map[string]*file // by path
	faces   []string         // that are built
	connect string
	start   *template.Template
	plain   *file // the start page of nobody
	style   *file

	name, origin string
	campaign     func(uint32) (Campaign, bool)
	people       func() []Person
}

// New reads all files. It fails if an origin is none.
func New(cfg Config) (*Handler, error) {
	files := cfg.Files
	if files == nil {
		var err error
		if files, err = fs.Sub(dist, "dist"); err != nil {
			return nil, fmt.Errorf("read the faces: %w", err)
		}
	}
	h := &Handler{files: make(map[string]*file), name: cmp.Or(cfg.Name, "Scrip"), origin: cfg.Origin,
		campaign: cfg.Campaign, people: cfg.People}
	for _, origin := range cfg.Connect {
		if !IsOrigin(origin) {
			return nil, fmt.Errorf("serve the faces: %q is no web origin, such as https://node.example", origin)
		}
		h.connect += " " + origin
	}
	for _, face := range Faces() {
		if err := h.read(files, face); err != nil {
			return nil, err
		}
	}
	if err := h.makeStart(); err != nil {
		return nil, err
	}
	return h, nil
}

// IsOrigin reports whether a text is a web origin as Config.Connect wants it: scheme
// and host, perhaps a port, and nothing else.
func IsOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Scheme+"://"+u.Host == s &&
		!strings.ContainsAny(s, "*;, '\"")
}

// read takes over the files of one face, if it is built.
func (h *Handler) read(files fs.FS, face string) error {
	err := fs.WalkDir(files, face, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		if err == nil {
			h.files["/"+name] = newFile(name, b)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the face %s: %w", face, err)
	}
	for name, f := range h.files { // compressed by the build
		if plain := h.files[strings.TrimSuffix(name, ".gz")]; plain != f && plain != nil {
			plain.gzipped = f.body
		}
		if plain := h.files[strings.TrimSuffix(name, ".br")]; plain != f && plain != nil {
			plain.brotli = f.body
		}
	}
	if h.files["/"+face+"/index.html"] != nil {
		h.faces = append(h.faces, face)
	}
	return nil
}

// file is one file with its forms.
type file struct {
	kind   string
	tag    string // of the content, in hexadecimal
	cache  string
	body   []byte
	brotli []byte // nil = none

	once    sync.Once
	gzipped []byte // after once; nil = not worth it
}

// hashed are names that change with their content.
var hashed = regexp.MustCompile(`/assets/[^/]*-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$`)

func newFile(name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{kind: contentType(name), tag: hex.EncodeToString(sum[:16]), cache: "no-cache", body: body}
	if hashed.MatchString("/" + name) {
		f.cache = "public, max-age=31536000, immutable"
	}
	return f
}

// contentType does not ask the machine, whose table may say anything.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".json":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".wasm":
		return "application/wasm"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// compressible says that a file shrinks: texts do, pictures have done so already.
func (f *file) compressible() bool {
	return strings.HasPrefix(f.kind, "text/") || strings.HasPrefix(f.kind, "application/") || f.kind == "image/svg+xml"
}

// encoded returns the smallest form that a request takes, and its name.
func (f *file) encoded(accept string) (body []byte, encoding string) {
	if f.brotli != nil && accepts(accept, "br") {
		return f.brotli, "br"
	}
	if !accepts(accept, "gzip") || !f.compressible() {
		return f.body, ""
	}
	f.once.Do(func() {
		if f.gzipped == nil {
			f.gzipped = squeeze(f.body)
		}
	})
	if f.gzipped == nil {
		return f.body, ""
	}
	return f.gzipped, "gzip"
}

// squeeze returns the gzip form of a text, or nil if that is not smaller.
func squeeze(b []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		if _, err = z.Write(b); err == nil {
			err = z.Close()
		}
	}
	if err != nil || out.Len() >= len(b) {
		return nil
	}
	return out.Bytes()
}

// accepts reads an Accept-Encoding header.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			_, q, _ := strings.Cut(quality, "q=")
			weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			return q == "" || err == nil && weight > 0
		}
	}
	return false
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the faces are only read", http.StatusMethodNotAllowed)
		return
	}
	p := r.URL.Path
	face, _, below := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	switch {
	case strings.Contains(p, "#"):
		h.unescaped(w, r, p)
	case p == "/":
		h.welcome(w, r, http.StatusOK)
	case p == stylePath:
		h.serve(w, r, "", h.style, http.StatusOK)
	case linkForm.MatchString(p):
		parts := linkForm.FindStringSubmatch(p)
		h.link(w, r, parts[1], parts[2])
	case !slices.Contains(Faces(), face):
		h.welcome(w, r, http.StatusNotFound)
	case !below:
		w.Header().Set("Location", "/"+face+"/") // a browser keeps what stands behind the #
		w.WriteHeader(http.StatusPermanentRedirect)
	case h.files[p] != nil:
		h.serve(w, r, face, h.files[p], http.StatusOK)
	case path.Ext(p) != "":
		http.Error(w, "there is no such file", http.StatusNotFound)
	default:
		h.index(w, r, face)
	}
}

// unescaped leads a link whose # some program has escaped, as %23, to where the link
// should have led. Its secret has travelled, which cannot be undone; no copy of the
// answer is kept, and only own paths are led to.
func (h *Handler) unescaped(w http.ResponseWriter, r *http.Request, p string) {
	to, fragment, _ := strings.Cut(p, "#")
	face, _, _ := strings.Cut(strings.TrimPrefix(to, "/"), "/")
	if !linkForm.MatchString(to) && !slices.Contains(Faces(), face) {
		h.welcome(w, r, http.StatusNotFound)
		return
	}
	link := url.URL{Path: to, Fragment: fragment}
	w.Header().Set("Location", link.String())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

// index answers with the page of a face, which finds its own way from the path.
func (h *Handler) index(w http.ResponseWriter, r *http.Request, face string) {
	if f := h.files["/"+face+"/index.html"]; f != nil {
		h.serve(w, r, face, f, http.StatusOK)
		return
	}
	h.welcome(w, r, http.StatusNotFound)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, face string, f *file, status int) {
	body, encoding := f.encoded(r.Header.Get("Accept-Encoding"))
	tag := f.tag
	if encoding != "" {
		tag += "-" + encoding
	}
	tag = `"` + tag + `"`
	x := w.Header()
	h.protect(x, face)
	x.Set("Content-Type", f.kind)
	x.Set("Cache-Control", f.cache)
	x.Add("Vary", "Accept-Encoding")
	x.Set("ETag", tag)
	if status == http.StatusOK && matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if encoding != "" {
		x.Set("Content-Encoding", encoding)
	}
	x.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // whoever does not read it has gone
	}
}

// matches compares a tag with those of an If-None-Match header.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimPrefix(strings.TrimSpace(part), "W/"); part == tag || part == "*" {
			return true
		}
	}
	return false
}

// policy is the part of the Content-Security-Policy that is the same for all. One
// Trusted Types policy may be made: a service worker's address needs it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"font-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types scrip; " +
	"connect-src 'self'"

// protect sets the headers that keep a page to itself.
func (h *Handler) protect(x http.Header, face string) {
	camera := "()"
	if face == "wallet" || face == "till" {
		camera = "(self)"
	}
	x.Set("Content-Security-Policy", policy+h.connect)
	x.Set("Permissions-Policy", "camera="+camera+", geolocation=(), microphone=(), payment=(), usb=()")
	x.Set("Cross-Origin-Opener-Policy", "same-origin")
	x.Set("Cross-Origin-Resource-Policy", "same-origin")
	x.Set("Origin-Agent-Cluster", "?1")
	x.Set("Referrer-Policy", "no-referrer")
	x.Set("X-Content-Type-Options", "nosniff")
	x.Set("X-Frame-Options", "DENY")
}

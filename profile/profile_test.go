package profile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/sig"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/vectors.json; read the difference before committing it")

const vectorsFile = "testdata/vectors.json"

func testChain(name string) coupon.Chain {
	return coupon.Chain{Digest: coupon.ChainDigest(name, []byte("{}")), ValidKey: sig.ValidKey}
}

func key(name string) coupon.Signer { return coupon.NewSigner(sha256.Sum256([]byte(name))) }

// member is a bakery whose two keys must both sign.
func member() coupon.Member {
	m := coupon.Member{Roles: coupon.RoleMerchant, Threshold: 2, Name: "Bakery"}
	for _, n := range []string{"admin 1", "admin 2", "admin 3"} {
		m.Keys = append(m.Keys, key(n).Key)
	}
	slices.SortFunc(m.Keys, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	return m
}

func verify(x *coupon.SigCheck) bool { return sig.Verify(&x.Key, x.Message, &x.Signature) }

func picture(w, h int) image.Image {
	m := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.RGBA{0xb3, 0x5a, 0x1f, 0xff}, color.White})
	for i := range m.Pix {
		m.Pix[i] = uint8(i/7) & 1
	}
	return m
}

func pngOf(w, h int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, picture(w, h)); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegOf(w, h int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(w, h), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// chunk puts a chunk with a good checksum before the end of a PNG.
func chunk(file []byte, name string, data string) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	c = append(append(c, name...), data...)
	c = binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
	return slices.Concat(file[:len(file)-12], c, file[len(file)-12:])
}

func full() Profile {
	return Profile{Member: 2, At: 1_764_500_000_000, Colour: [3]byte{0xb3, 0x5a, 0x1f}, Logo: pngOf(16, 24),
		Address: []string{"Bäckerei am Markt", "Hauptstraße 7", "10115 Berlin"},
		Hours:   []Span{{0, 8 * 60, 12 * 60}, {0, 13 * 60, 18 * 60}, {5, 20 * 60, 26 * 60}, {6, 22 * 60, 28 * 60}},
		Website: "https://bakery.example/menu?day=1", Phone: "+49 30 123-4567"}
}

// made signs a profile without looking at its rules.
func made(c coupon.Chain, p Profile, names ...string) []byte {
	body := p.Body(c)
	var all []Signature
	for _, n := range names {
		all = append(all, Sign(c, body, key(n)))
	}
	return Join(body, all)
}

// golden is one profile with what every implementation must say of it: "ok", or
// "form", "chain", "keys".
type golden struct {
	Name string `json:"name"`
	Says string `json:"says"`
	Raw  string `json:"raw"`
	// Of good ones.
	Digest string   `json:"digest,omitempty"`
	Fields *Profile `json:"fields,omitempty"`
}

type vectors struct {
	Chain    string   `json:"chain"`
	Member   string   `json:"member"`
	Profiles []golden `json:"profiles"`
}

func says(c coupon.Chain, m *coupon.Member, raw []byte) (*Signed, string) {
	s, err := Decode(c, raw)
	if err == nil {
		err = s.Verify(c, m, verify)
	}
	switch {
	case errors.Is(err, ErrChain):
		return s, "chain"
	case errors.Is(err, ErrForm):
		return s, "form"
	case errors.Is(err, ErrKeys):
		return s, "keys"
	}
	return s, "ok"
}

func makeVectors() vectors {
	c, m := testChain("scrip-test-1"), member()
	v := vectors{Chain: hex.EncodeToString(c.Digest[:]), Member: hex.EncodeToString(m.AppendTo(nil))}
	add := func(name, says string, raw []byte) {
		x := golden{Name: name, Says: says, Raw: hex.EncodeToString(raw)}
		if s, err := Decode(c, raw); says == "ok" && err == nil {
			d := s.Digest(c)
			x.Digest, x.Fields = hex.EncodeToString(d[:]), &s.Profile
		}
		v.Profiles = append(v.Profiles, x)
	}
	with := func(change func(*Profile)) []byte {
		p := full()
		change(&p)
		return made(c, p, "admin 1", "admin 2")
	}
	add("everything", "ok", with(func(*Profile) {}))
	add("three of two keys", "ok", made(c, full(), "admin 3", "admin 1", "admin 2"))
	add("nothing but a colour", "ok", with(func(p *Profile) { *p = Profile{Member: 2, At: 1} }))
	add("a JPEG", "ok", with(func(p *Profile) { p.Logo = jpegOf(16, 16) }))
	add("open all week", "ok", with(func(p *Profile) {
		p.Hours = nil
		for d := range uint8(7) {
			p.Hours = append(p.Hours, Span{d, 0, 1440})
		}
	}))
	add("another chain", "chain", made(testChain("scrip-test-2"), full(), "admin 1", "admin 2"))
	other := testChain("scrip-test-1")
	other.Digest[31] ^= 1 // of the same hint
	add("a chain of the same hint", "keys", made(other, full(), "admin 1", "admin 2"))
	add("one key of two", "keys", made(c, full(), "admin 1"))
	add("a key of nobody", "keys", made(c, full(), "admin 1", "admin 2", "somebody"))
	add("one key twice", "form", made(c, full(), "admin 1", "admin 1"))
	add("no key", "form", made(c, full()))
	good := with(func(*Profile) {})
	add("a byte behind the end", "form", append(slices.Clone(good), 0))
	add("cut off", "form", good[:len(good)-1])
	changed := slices.Clone(good)
	changed[15] ^= 1
	add("another colour under the signatures", "keys", changed)
	add("version 2", "form", append([]byte{2}, good[1:]...))
	for _, x := range refusedFields() {
		add(x.name, "form", with(x.change))
	}
	return v
}

type change struct {
	name   string
	change func(*Profile)
}

func refusedFields() []change {
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	logo := func(b []byte) func(*Profile) { return func(p *Profile) { p.Logo = b } }
	hours := func(s ...Span) func(*Profile) { return func(p *Profile) { p.Hours = s } }
	line := func(s string) func(*Profile) { return func(p *Profile) { p.Address = []string{s} } }
	site := func(s string) func(*Profile) { return func(p *Profile) { p.Website = s } }
	phone := func(s string) func(*Profile) { return func(p *Profile) { p.Phone = s } }
	cut := pngOf(64, 64)
	withGPS := slices.Concat(jpegOf(16, 16)[:2], []byte("\xff\xe1\x00\x08Exif\x00\x00"), jpegOf(16, 16)[2:])
	return []change{
		{"no member", func(p *Profile) { p.Member = 0 }}, {"no time", func(p *Profile) { p.At = 0 }},
		{"a time beyond all calendars", func(p *Profile) { p.At = coupon.TimeMax + 1 }},
		{"an SVG", logo(svg)}, {"a GIF", logo([]byte("GIF89a\x10\x00\x10\x00\x00\x00\x00;"))},
		{"a logo of 15 pixels", logo(pngOf(15, 16))}, {"a logo of 513 pixels", logo(pngOf(16, 513))},
		{"a logo of 32,769 bytes", logo(chunk(pngOf(16, 16), "IDAT", strings.Repeat("x", 32769-12-len(pngOf(16, 16)))))},
		{"a PNG that moves", logo(chunk(pngOf(16, 16), "acTL", "\x00\x00\x00\x02\x00\x00\x00\x00"))},
		{"a PNG with a text", logo(chunk(pngOf(16, 16), "tEXt", "Comment\x00hello"))},
		{"a PNG with a page behind it", logo(append(pngOf(16, 16), "<script>"...))},
		{"half a PNG", logo(cut[:len(cut)/2])}, {"a JPEG with a place", logo(withGPS)},
		{"a JPEG with bytes behind it", logo(append(jpegOf(16, 16), "\x00\xff\xd9"...))},
		{"five lines", func(p *Profile) { p.Address = []string{"1", "2", "3", "4", "5"} }},
		{"a line of 65 bytes", line(strings.Repeat("a", 65))}, {"an empty line", line("")},
		{"a line with a line end", line("a\nb")}, {"a line that turns", line("a\u202eb")},
		{"a line that is no UTF-8", line("\xff")},
		{"hours that overlap", hours(Span{0, 60, 120}, Span{0, 119, 180})},
		{"hours out of order", hours(Span{1, 60, 120}, Span{0, 60, 120})},
		{"a night that runs into the next morning", hours(Span{0, 1200, 1600}, Span{1, 100, 200})},
		{"a Sunday that runs into Monday", hours(Span{0, 0, 60}, Span{6, 1380, 1441})},
		{"no such day", hours(Span{7, 0, 60})}, {"hours of no length", hours(Span{0, 60, 60})},
		{"hours from midnight of the next day", hours(Span{0, 1440, 1500})},
		{"hours of more than a day", hours(Span{0, 60, 1501})},
		{"22 spans", func(p *Profile) {
			p.Hours = nil
			for i := range uint16(22) {
				p.Hours = append(p.Hours, Span{0, i * 10, i*10 + 5})
			}
		}},
		{"http", site("http://bakery.example/")}, {"a script as a website", site("javascript:alert(1)//a.b")},
		{"a website with a login", site("https://bank.example@evil.example/")},
		{"a website with a port", site("https://a.example:8443/")},
		{"a website at an address", site("https://127.0.0.1/")}, {"a website without a dot", site("https://localhost/")},
		{"a website with a blank", site("https://a.example/ b")}, {"a website in capitals", site("https://A.example/")},
		{"a website with a quote", site(`https://a.example/"x`)},
		{"a website with a query and no path", site("https://a.example?x")},
		{"a website of 201 bytes", site("https://a.example/" + strings.Repeat("a", 183))},
		{"a website with a hyphen at the end", site("https://a-.example/")},
		{"a phone without its country", phone("030 1234567")}, {"a phone with letters", phone("+49 CALL ME")},
		{"a phone with two blanks", phone("+49  30")}, {"a phone that ends with a hyphen", phone("+4930-")},
		{"a phone of 16 digits", phone("+1234567890123456")},
	}
}

func TestVectors(t *testing.T) {
	made := makeVectors()
	b, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *rewrite {
		if err := os.WriteFile(vectorsFile, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(file, &v); err != nil {
		t.Fatal(err)
	}
	c, m := testChain("scrip-test-1"), member()
	if len(v.Profiles) != len(made.Profiles) {
		t.Fatalf("%d vectors, %d are made: run with -rewrite", len(v.Profiles), len(made.Profiles))
	}
	for i, x := range v.Profiles {
		raw, err := hex.DecodeString(x.Raw)
		if err != nil {
			t.Fatal(err)
		}
		s, got := says(c, &m, raw)
		if got != x.Says {
			t.Errorf("%s: %s, wanted %s", x.Name, got, x.Says)
		}
		if x.Raw != made.Profiles[i].Raw {
			t.Errorf("%s: the bytes are others now", x.Name)
		}
		if x.Says != "ok" || got != "ok" {
			continue
		}
		if d := s.Digest(c); hex.EncodeToString(d[:]) != x.Digest || !reflect.DeepEqual(&s.Profile, x.Fields) {
			t.Errorf("%s: decoded to %+v", x.Name, s.Profile)
		}
		if again := Join(s.Body(c), s.Signatures); !bytes.Equal(again, raw) {
			t.Errorf("%s: encoded again it is other bytes", x.Name)
		}
	}
}

func TestNothingIsLargerThanItsLimit(t *testing.T) {
	p := full()
	p.Logo = chunk(pngOf(16, 16), "IDAT", strings.Repeat("x", LogoBytesMax-12-len(pngOf(16, 16))))
	p.Address = slices.Repeat([]string{strings.Repeat("a", LineBytesMax)}, AddressLinesMax)
	p.Hours = nil
	for i := range uint16(SpansMax) {
		p.Hours = append(p.Hours, Span{0, i * 10, i*10 + 5})
	}
	p.Website = "https://a.example/" + strings.Repeat("a", WebsiteBytesMax-18)
	p.Phone = "+1-2-3-4-5-6-7-8-9-0-123"
	c := testChain("scrip-test-1")
	raw := made(c, p, "1", "2", "3", "4", "5", "6", "7", "8")
	if _, err := Decode(c, raw); err != nil || len(raw) != BytesMax {
		t.Errorf("the largest profile has %d bytes, the limit is %d: %v", len(raw), BytesMax, err)
	}
	if _, err := Decode(c, append(raw, 0)); !errors.Is(err, ErrForm) {
		t.Errorf("one more byte: %v", err)
	}
}

func TestAMemberThatIsNotActiveHasNoProfile(t *testing.T) {
	c, m := testChain("scrip-test-1"), member()
	s, err := Decode(c, made(c, full(), "admin 1", "admin 2"))
	if err != nil {
		t.Fatal(err)
	}
	m.State = coupon.MemberSuspended
	if err := s.Verify(c, &m, verify); !errors.Is(err, ErrKeys) {
		t.Errorf("suspended: %v", err)
	}
}

func TestOfTwoProfilesOneIsNewer(t *testing.T) {
	c := testChain("scrip-test-1")
	at := func(ms uint64, colour byte) *Signed {
		s, err := Decode(c, made(c, Profile{Member: 2, At: ms, Colour: [3]byte{colour}}, "admin 1"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if a, b := at(2, 0), at(1, 9); !a.Newer(c, b) || b.Newer(c, a) || a.Newer(c, a) {
		t.Error("the later one is not the newer one")
	}
	if a, b := at(1, 1), at(1, 2); a.Newer(c, b) == b.Newer(c, a) {
		t.Error("nodes that have two of one moment do not agree")
	}
}

// A file whose parts are in order and whose pixels are not is refused by the node.
func TestALogoIsDecodedToItsLastPixel(t *testing.T) {
	for _, good := range [][]byte{pngOf(40, 30), jpegOf(40, 30)} {
		if m, err := DecodeLogo(good); err != nil || m.Bounds().Dx() != 40 || m.Bounds().Dy() != 30 {
			t.Fatalf("a good logo: %v", err)
		}
	}
	bad := pngOf(40, 30)
	bad[len(bad)-20] ^= 0xff
	if _, err := InspectLogo(bad); err != nil {
		t.Fatalf("its parts are in order: %v", err)
	}
	if _, err := DecodeLogo(bad); err == nil {
		t.Error("a PNG with a wrong checksum was decoded")
	}
	if _, err := DecodeLogo(chunk(pngOf(16, 16), "IDAT", "x")[:60]); err == nil {
		t.Error("half a PNG was decoded")
	}
}

func TestHoursAreReadAsPeopleWriteThem(t *testing.T) {
	for _, x := range []struct {
		text string
		want []Span
	}{
		{"mon 08:00-18:00", []Span{{0, 480, 1080}}},
		{"Sat-Mon 00:00-24:00", []Span{{5, 0, 1440}, {6, 0, 1440}, {0, 0, 1440}}},
		{"tue,thu 08:00-12:00 22:00-02:00", []Span{{1, 480, 720}, {3, 480, 720}, {1, 1320, 1560}, {3, 1320, 1560}}},
	} {
		if got, err := ParseHours(x.text); err != nil || !reflect.DeepEqual(got, x.want) {
			t.Errorf("%q: %v, %v", x.text, got, err)
		}
	}
	for _, bad := range []string{"", "mon", "08:00-18:00", "mon 8-18", "mon 08:00", "xyz 08:00-18:00", "mon- 08:00-18:00",
		"mon 08:60-18:00", "mon 08:00-25:00", "m 08:00-18:00"} {
		if got, err := ParseHours(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if Clock(1560) != "02:00" || Clock(1440) != "24:00" || Clock(485) != "08:05" {
		t.Error("times are shown wrong")
	}
}

func FuzzDecode(f *testing.F) {
	c, m := testChain("scrip-test-1"), member()
	for _, x := range makeVectors().Profiles {
		raw, err := hex.DecodeString(x.Raw)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Decode(c, raw)
		if err != nil {
			return
		}
		if again := Join(s.Body(c), s.Signatures); !bytes.Equal(again, raw) {
			t.Fatalf("%x was taken for %x", raw, again)
		}
		_ = s.Verify(c, &m, func(*coupon.SigCheck) bool { return true })
		_, _ = DecodeLogo(s.Logo)
	})
}

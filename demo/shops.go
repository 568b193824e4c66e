package demo

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"

	"github.com/scrip-network/scrip/profile"
)

// looks are what the members of the demonstration show of themselves.
func looks() []profile.Profile {
	at := func(days []uint8, from, until uint16) (h []profile.Span) {
		for _, d := range days {
			h = append(h, profile.Span{Day: d, From: from * 60, Until: until * 60})
		}
		return h
	}
	week := []uint8{0, 1, 2, 3, 4}
	return []profile.Profile{
		{Member: mall, Colour: [3]byte{0x5a, 0x3a, 0x8c}, Logo: drawn([3]byte{0x5a, 0x3a, 0x8c}, bag),
			Address: []string{"Harbour Mall", "12 Quay Street"}, Hours: at([]uint8{0, 1, 2, 3, 4, 5}, 9, 21),
			Website: "https://mall.example/", Phone: "+49 30 5550100"},
		{Member: bakery, Colour: [3]byte{0x9c, 0x4a, 0x1a}, Logo: drawn([3]byte{0x9c, 0x4a, 0x1a}, loaf),
			Address: []string{"Harbour Mall, ground floor", "12 Quay Street"},
			Hours:   append(at(week, 7, 18), at([]uint8{5, 6}, 8, 14)...),
			Website: "https://bakery.example/", Phone: "+49 30 5550102"},
		{Member: bookshop, Colour: [3]byte{0x14, 0x5c, 0x52}, Logo: drawn([3]byte{0x14, 0x5c, 0x52}, book),
			Address: []string{"Harbour Mall, first floor", "12 Quay Street"},
			Hours:   append(at(week, 10, 19), at([]uint8{5}, 10, 16)...),
			Website: "https://books.example/", Phone: "+49 30 5550103"},
	}
}

// show publishes the profiles of the members.
func (x *director) show() error {
	for _, p := range looks() {
		if int(p.Member) > len(x.dev.Admins) {
			break
		}
		p.At = nowMs()
		signed, err := profile.Make(x.chain, &p, x.admin(p.Member).Signer)
		if err != nil {
			return fmt.Errorf("set the scene: the looks of member %d: %w", p.Member, err)
		}
		ctx, cancel := context.WithTimeout(x.ctx, stepTimeout)
		x.report(fmt.Sprintf("the looks of member %d", p.Member))
		_, err = x.client.PublishProfile(ctx, p.Member, signed.Raw())
		cancel()
		if err != nil {
			return fmt.Errorf("set the scene: %w", err)
		}
	}
	return nil
}

// A figure tells whether a point of the unit square, y downwards, is drawn.
type figure func(x, y float64) bool

const (
	logoSide  = 192
	logoTones = 17 // from the ground to the figure
	logoFine  = 4  // points looked at for each pixel, each way
)

// drawn returns a PNG of a figure in a warm white on a ground.
func drawn(ground [3]byte, f figure) []byte {
	paper := [3]byte{0xff, 0xf6, 0xe6}
	tones := make(color.Palette, logoTones)
	for i := range tones {
		var c [3]byte
		for j := range c {
			c[j] = byte((int(ground[j])*(logoTones-1-i) + int(paper[j])*i) / (logoTones - 1))
		}
		tones[i] = color.RGBA{c[0], c[1], c[2], 0xff}
	}
	m := image.NewPaletted(image.Rect(0, 0, logoSide, logoSide), tones)
	for i := range m.Pix {
		n := 0
		for j := range logoFine * logoFine {
			x := float64(i%logoSide) + (float64(j%logoFine)+0.5)/logoFine
			y := float64(i/logoSide) + (float64(j/logoFine)+0.5)/logoFine
			if f(x/logoSide, y/logoSide) {
				n++
			}
		}
		m.Pix[i] = uint8(n * (logoTones - 1) / (logoFine * logoFine))
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, m); err != nil {
		panic(err) // an image in memory always encodes
	}
	return b.Bytes()
}

// loaf is a bread with three cuts.
func loaf(x, y float64) bool {
	in := math.Pow(math.Abs(x-0.5)/0.36, 2.6)+math.Pow(math.Abs(y-0.52)/0.22, 2.6) < 1
	for _, c := range []float64{0.34, 0.5, 0.66} {
		across, along := (x-c)+0.45*(y-0.5), (y-0.5)-0.45*(x-c)
		if math.Abs(across) < 0.022 && math.Abs(along) < 0.12 {
			return false
		}
	}
	return in
}

// book lies open.
func book(x, y float64) bool {
	d := math.Abs(x - 0.5)
	top, bottom := 0.3-0.1*math.Sin(d*math.Pi/0.36), 0.74-0.08*math.Sin(d*math.Pi/0.36)
	if d < 0.018 || d > 0.36 || y < top || y > bottom {
		return false
	}
	for _, line := range []float64{0.12, 0.2, 0.28} {
		if math.Abs(y-top-line) < 0.014 && d > 0.07 && d < 0.29 {
			return false
		}
	}
	return true
}

// bag has two handles.
func bag(x, y float64) bool {
	d := math.Abs(x - 0.5)
	if y > 0.38 && y < 0.8 {
		return d < 0.26+0.06*(y-0.38) && (math.Hypot(x-0.5, y-0.46) > 0.17 || y < 0.46 || math.Hypot(x-0.5, y-0.46) < 0.13)
	}
	r := math.Hypot(x-0.5, y-0.38)
	return y <= 0.38 && r < 0.17 && r > 0.13
}

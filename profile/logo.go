package profile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"slices"
)

// Logo is what is known of a logo without its pixels.
type Logo struct {
	// Type is image/png or image/jpeg.
	Type string
	// Width and Height are in pixels.
	Width, Height int
}

var errLogo = errors.New("no PNG or JPEG of the rules")

// The least that both formats need. A picture brings nothing else: no animation, no
// texts, no place where it was taken.
var (
	pngMagic  = []byte("\x89PNG\r\n\x1a\n")
	pngChunks = []string{"IHDR", "PLTE", "tRNS", "IDAT", "IEND", "sRGB", "gAMA", "cHRM", "pHYs", "sBIT"}
)

// InspectLogo walks through a picture's parts and returns what it is; it decodes no
// pixels. It refuses other formats, sizes beyond the limits, parts that a logo does not
// need, and bytes behind its end.
func InspectLogo(b []byte) (Logo, error) {
	if len(b) > LogoBytesMax {
		return Logo{}, fmt.Errorf("%d bytes, at most %d are allowed", len(b), LogoBytesMax)
	}
	var l Logo
	var err error
	switch {
	case bytes.HasPrefix(b, pngMagic):
		l, err = walkPNG(b[len(pngMagic):])
	case bytes.HasPrefix(b, []byte{0xff, 0xd8}):
		l, err = walkJPEG(b[2:])
	default:
		err = errLogo
	}
	if err != nil {
		return Logo{}, err
	}
	if min(l.Width, l.Height) < LogoSideMin || max(l.Width, l.Height) > LogoSideMax {
		return Logo{}, fmt.Errorf("%d by %d pixels, wanted %d to %d each way", l.Width, l.Height, LogoSideMin, LogoSideMax)
	}
	return l, nil
}

// walkPNG reads the chunks behind the magic: size u32, name [4], data, crc u32.
func walkPNG(b []byte) (Logo, error) {
	l := Logo{Type: "image/png"}
	for first := true; len(b) >= 12; first = false {
		n, name := binary.BigEndian.Uint32(b), string(b[4:8])
		if uint64(n) > uint64(len(b)-12) || !slices.Contains(pngChunks, name) || first != (name == "IHDR") {
			return l, errLogo
		}
		if first {
			w, h := binary.BigEndian.Uint32(b[8:]), uint32(0)
			if n == 13 {
				h = binary.BigEndian.Uint32(b[12:])
			}
			l.Width, l.Height = int(min(w, LogoSideMax+1)), int(min(h, LogoSideMax+1))
		}
		b = b[12+n:]
		if name == "IEND" {
			if n != 0 || len(b) != 0 {
				return l, errLogo
			}
			return l, nil
		}
	}
	return l, errLogo
}

// walkJPEG reads the segments behind the first marker, marker [2] and size u16, up to
// the first scan, which goes to the end of the file.
func walkJPEG(b []byte) (Logo, error) {
	l := Logo{Type: "image/jpeg"}
	for len(b) >= 4 && b[0] == 0xff {
		marker, n := b[1], int(binary.BigEndian.Uint16(b[2:]))
		if n < 2 || n > len(b)-2 {
			return l, errLogo
		}
		switch marker {
		case 0xc0, 0xc1, 0xc2: // the frame
			if n < 8 || l.Width != 0 {
				return l, errLogo
			}
			l.Height, l.Width = int(binary.BigEndian.Uint16(b[5:])), int(binary.BigEndian.Uint16(b[7:]))
		case 0xc4, 0xdb, 0xdd, 0xe0, 0xee: // tables, restarts, JFIF, Adobe's colours
		case 0xda:
			if l.Width == 0 || !bytes.HasSuffix(b, []byte{0xff, 0xd9}) {
				return l, errLogo
			}
			return l, scansOnly(b[2+n:])
		default:
			return l, errLogo
		}
		b = b[2+n:]
	}
	return l, errLogo
}

// scansOnly checks that from a first scan on there are scans and their tables alone, and
// one end.
func scansOnly(b []byte) error {
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0xff {
			continue
		}
		switch m := b[i+1]; {
		case m == 0 || m >= 0xd0 && m <= 0xd7 || m == 0xff: // data, restarts, fill
		case m == 0xc4 || m == 0xda || m == 0xdb || m == 0xdd:
			if i+4 > len(b) {
				return errLogo
			}
			i += 1 + int(binary.BigEndian.Uint16(b[i+2:]))
		case m == 0xd9 && i+2 == len(b):
			return nil
		default:
			return errLogo
		}
	}
	return errLogo
}

// DecodeLogo decodes a whole logo within the limits of InspectLogo, so that what a node
// hands on is a picture to others too.
func DecodeLogo(b []byte) (image.Image, error) {
	l, err := InspectLogo(b)
	if err != nil {
		return nil, err
	}
	decode := png.Decode
	if l.Type == "image/jpeg" {
		decode = jpeg.Decode
	}
	m, err := decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLogo, err)
	}
	if s := m.Bounds().Size(); s.X != l.Width || s.Y != l.Height {
		return nil, errLogo
	}
	return m, nil
}

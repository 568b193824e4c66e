package cli

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif" // so that a logo may come as one
	"image/jpeg"
	"image/png"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/label"
	"github.com/scrip-network/scrip/profile"
)

// pictureBytesMax bounds the picture that a logo is made of, pictureSideMax its width
// and height in pixels.
const (
	pictureBytesMax = 8 << 20
	pictureSideMax  = 4096
)

func newMemberCommand(a *App) *cobra.Command {
	return group("member", "Show what a shop shows of itself, and change it",
		group("profile", "Colour, logo, address, opening hours: signed by the shop, kept by nodes beside the chain",
			newProfileSetCommand(a), newProfileShowCommand(a)))
}

// profileAnswer is what programs are told of a profile; the fields are stable.
type profileAnswer struct {
	Name string `json:"name"`
	// Profile is missing if the member has none.
	Profile *client.ProfileAnswer `json:"profile,omitempty"`
	// Published is missing unless it was handed in.
	Published []publishedAnswer `json:"published,omitempty"`
	DryRun    bool              `json:"dry_run,omitempty"`
}

// publishedAnswer is what one node said.
type publishedAnswer struct {
	Node  string `json:"node"`
	Taken bool   `json:"taken"`
	Error string `json:"error,omitempty"`
}

func newProfileShowCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use: "show MEMBER", Short: "Show the newest profile that the nodes have, checked against the ledger",
		Long: "Ask the nodes for a member's profile, check each against the member's proven row, and\n" +
			"show the newest. It proves that the member's keys have signed it: not that it is true,\n" +
			"and not that no newer one exists.",
		Example: "  scrip member profile show 2", Args: arguments("MEMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			member, err := strconv.ParseUint(args[0], 10, 16)
			if err != nil || member == 0 {
				return usageError("%q is no member: wanted its number, such as 2", args[0])
			}
			c, err := a.Client()
			if err != nil {
				return err
			}
			x, err := c.Profile(cmd.Context(), uint16(member))
			if err != nil {
				return err
			}
			return a.showProfile(c, profileAnswer{Name: x.Member.Name}, x.Signed)
		},
	}
}

// profileSetting is the flags of profile set.
type profileSetting struct {
	member                       uint16
	colour, logo, website, phone string
	address, hours, signers      []string
	dryRun                       bool
	timeout                      time.Duration
}

func newProfileSetCommand(a *App) *cobra.Command {
	p := &profileSetting{}
	c := &cobra.Command{
		Use: "set", Short: "Change, sign and publish the profile of a member", Args: arguments(),
		Long: "Change the profile of the member whose key signs, and hand it to all nodes. What no flag\n" +
			"names stays as it is; an empty value takes it away. A picture is drawn anew as a PNG or\n" +
			"JPEG of at most 512 pixels and 32 KiB, so nothing else that its file says is published.",
		Example: "  scrip member profile set --sign bakery --colour '#9c4a1a' --logo bread.png \\\n" +
			"    --address '12 Quay Street' --hours 'mon-fri 07:00-18:00' --hours 'sat,sun 08:00-14:00'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), p.timeout)
			defer cancel()
			return a.setProfile(ctx, p, cmd.Flags().Changed)
		},
	}
	f := c.Flags()
	f.Uint16Var(&p.member, "member", 0, "number of the member (default: whose key signs)")
	f.StringVar(&p.colour, "colour", "", "the shop's colour, such as #1f3f94")
	f.StringVar(&p.logo, "logo", "", "a picture: PNG, JPEG or GIF; \"\" = none")
	f.StringArrayVar(&p.address, "address", nil, "a line of the address; repeatable, at most 4")
	f.StringArrayVar(&p.hours, "hours", nil, "days and times of the week, such as \"mon-fri 08:00-18:00\"; repeatable")
	f.StringVar(&p.website, "website", "", "such as https://bakery.example/")
	f.StringVar(&p.phone, "phone", "", "such as \"+49 30 5550102\"")
	f.StringSliceVar(&p.signers, "sign", nil, "admin key of the member, by name; repeatable")
	f.DurationVar(&p.timeout, "timeout", 30*time.Second, "how long to wait for the nodes")
	f.BoolVar(&p.dryRun, "dry-run", false, "check and show what would be signed, and hand in nothing")
	return c
}

func (a *App) setProfile(ctx context.Context, p *profileSetting, changed func(string) bool) error {
	c, err := a.Client()
	if err != nil {
		return err
	}
	signers, err := a.memberSigners(ctx, c, p.signers)
	if err != nil {
		return err
	}
	member := p.member
	if member == 0 {
		member = signers[0].Member
	}
	before, err := c.Profile(ctx, member)
	if err != nil {
		return err
	}
	x := profile.Profile{Member: member}
	if before.Signed != nil {
		x = before.Signed.Profile
	}
	if err := a.changeProfile(&x, p, changed); err != nil {
		return err
	}
	x.At = max(nowMs(), x.At+1)
	var all []coupon.Signer
	for _, s := range signers {
		all = append(all, s.Signer)
	}
	signed, err := profile.Make(c.Chain(), &x, all...)
	if err == nil {
		signed, err = c.CheckProfile(signed.Raw(), before.Member)
	}
	if err != nil {
		return usageError("%v", err)
	}
	answer := profileAnswer{Name: before.Member.Name, DryRun: p.dryRun}
	if p.dryRun {
		return a.showProfile(c, answer, signed)
	}
	said, err := c.PublishProfile(ctx, member, signed.Raw())
	if err != nil {
		return err
	}
	for _, h := range said {
		one := publishedAnswer{Node: h.Node, Taken: h.Err == nil}
		if h.Err != nil {
			one.Error = h.Err.Error()
			a.Say("%s did not take it: %v", h.Node, h.Err)
		}
		answer.Published = append(answer.Published, one)
	}
	return a.showProfile(c, answer, signed)
}

// changeProfile takes over what flags say.
func (a *App) changeProfile(x *profile.Profile, p *profileSetting, changed func(string) bool) (err error) {
	if changed("colour") {
		if x.Colour, err = profile.ParseColour(strings.ToLower(p.colour)); err != nil {
			return usageError("--colour: %v", err)
		}
	}
	if changed("logo") {
		if x.Logo, err = readLogo(p.logo); err != nil {
			return err
		}
	}
	if changed("address") {
		x.Address = nil
		for _, typed := range p.address {
			line, taken, err := label.Read(typed, profile.LineBytesMax)
			if err != nil {
				return usageError("--address %q: %v", typed, err)
			}
			a.sayTaken("address", taken)
			if line != "" {
				x.Address = append(x.Address, line)
			}
		}
	}
	if changed("hours") {
		x.Hours = nil
		for _, typed := range p.hours {
			if strings.TrimSpace(typed) == "" {
				continue
			}
			spans, err := profile.ParseHours(typed)
			if err != nil {
				return usageError("--hours: %v", err)
			}
			x.Hours = append(x.Hours, spans...)
		}
		slices.SortFunc(x.Hours, func(a, b profile.Span) int {
			return (int(a.Day)-int(b.Day))<<16 + int(a.From) - int(b.From)
		})
	}
	if changed("website") {
		x.Website = strings.TrimSpace(p.website)
	}
	if changed("phone") {
		x.Phone = strings.TrimSpace(p.phone)
	}
	return nil
}

// readLogo makes a logo of a picture in a file: as it is if it is one, else drawn anew.
func readLogo(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := readBytes(path, pictureBytesMax)
	if err != nil {
		return nil, err
	}
	if _, err := profile.DecodeLogo(b); err == nil {
		return b, nil
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || max(size.Width, size.Height) > pictureSideMax || min(size.Width, size.Height) < 1 {
		return nil, usageError("%s is no picture that can be read: a PNG, JPEG or GIF of at most %d pixels each way", path,
			pictureSideMax)
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, usageError("%s is damaged: %v", path, err)
	}
	return drawLogo(path, m)
}

// drawLogo draws a picture smaller until it is within the limits: as a PNG if that
// suffices, which keeps what is transparent, else as a JPEG on white.
func drawLogo(path string, m image.Image) ([]byte, error) {
	for side := profile.LogoSideMax; side >= 64; side /= 2 {
		small := scaled(m, side)
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, small); err != nil {
			return nil, fmt.Errorf("draw %s anew: %w", path, err)
		}
		if _, err := profile.DecodeLogo(b.Bytes()); err == nil {
			return b.Bytes(), nil
		}
		b.Reset()
		white := image.NewRGBA(small.Bounds())
		draw.Draw(white, white.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(white, white.Rect, small, image.Point{}, draw.Over)
		if err := jpeg.Encode(&b, white, &jpeg.Options{Quality: 85}); err != nil {
			return nil, fmt.Errorf("draw %s anew: %w", path, err)
		}
		if _, err := profile.DecodeLogo(b.Bytes()); err == nil {
			return b.Bytes(), nil
		}
	}
	return nil, usageError("%s makes no logo: it is too long and thin, or too small", path)
}

// scaled returns a picture of at most side pixels each way: each is the mean of those
// that it stands for.
func scaled(m image.Image, side int) image.Image {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	most := max(w, h)
	if most <= side {
		side = most
	}
	out := image.NewNRGBA(image.Rect(0, 0, max(1, w*side/most), max(1, h*side/most)))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(x, y, mean(m, image.Rect(b.Min.X+x*w/out.Rect.Dx(), b.Min.Y+y*h/out.Rect.Dy(),
				b.Min.X+(x+1)*w/out.Rect.Dx(), b.Min.Y+(y+1)*h/out.Rect.Dy())))
		}
	}
	return out
}

func mean(m image.Image, r image.Rectangle) color.Color {
	var sum [4]uint64
	for y := r.Min.Y; y < max(r.Max.Y, r.Min.Y+1); y++ {
		for x := r.Min.X; x < max(r.Max.X, r.Min.X+1); x++ {
			cr, cg, cb, ca := m.At(x, y).RGBA()
			for i, v := range [4]uint32{cr, cg, cb, ca} {
				sum[i] += uint64(v)
			}
		}
	}
	n := uint64(max(1, r.Dx()) * max(1, r.Dy()))
	return color.RGBA64{uint16(sum[0] / n), uint16(sum[1] / n), uint16(sum[2] / n), uint16(sum[3] / n)}
}

// showProfile shows a profile, or that there is none.
func (a *App) showProfile(c *client.Client, x profileAnswer, s *profile.Signed) error {
	if s == nil {
		return a.Show(x, Fields{{"member", x.Name}, {"profile", "none"}})
	}
	p := client.ProfileAnswerOf(c.Chain(), s)
	x.Profile = &p
	logo := "none"
	if l, err := profile.InspectLogo(s.Logo); err == nil {
		logo = fmt.Sprintf("%s, %d by %d pixels, %d bytes", l.Type, l.Width, l.Height, len(s.Logo))
	}
	f := Fields{{"member", fmt.Sprintf("%s (%d)", x.Name, s.Member)}, {"signed", when(s.At)}, {"colour", p.Colour},
		{"logo", logo}}
	for _, line := range s.Address {
		f = append(f, [2]string{"address", line})
	}
	for _, h := range p.Hours {
		f = append(f, [2]string{"open", h.Day + " " + h.From + "-" + h.Until})
	}
	if s.Website != "" {
		f = append(f, [2]string{"website", s.Website})
	}
	if s.Phone != "" {
		f = append(f, [2]string{"phone", s.Phone})
	}
	switch {
	case x.DryRun:
		f = append(f, [2]string{"handed in", "no: this is what would be signed"})
	case x.Published != nil:
		taken := 0
		for _, n := range x.Published {
			if n.Taken {
				taken++
			}
		}
		f = append(f, [2]string{"kept by", a.green(fmt.Sprintf("%d of %d nodes", taken, len(x.Published)))})
	}
	return a.Show(x, f)
}

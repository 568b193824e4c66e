package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"rsc.io/qr"
)

// quietModules is the white border that scanners need.
const quietModules = 4

// qrForm is the flags that say whether a text is shown as a QR code.
type qrForm struct {
	terminal bool
	png      string
}

func qrFlags(c *cobra.Command) *qrForm {
	f := &qrForm{}
	c.Flags().BoolVar(&f.terminal, "qr", false, "also draw the text as a QR code in the terminal")
	c.Flags().StringVar(&f.png, "png", "", "also write the QR code to this new PNG file")
	return f
}

// showQR draws a text as a QR code where that was asked for.
func (a *App) showQR(w io.Writer, text string, f *qrForm) error {
	if !f.terminal && f.png == "" {
		return nil
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("make the QR code: %w", err)
	}
	if f.png != "" {
		if err := writeNewFile(f.png, code.PNG(), 0o600); err != nil {
			return err
		}
	}
	if f.terminal {
		_, err = io.WriteString(w, terminalQR(code.Size, code.Black))
	}
	return err
}

// terminalQR draws two rows of modules in a line of text. It sets black on white
// itself, since a code on a dark ground cannot be read by many scanners.
func terminalQR(size int, black func(x, y int) bool) string {
	var b strings.Builder
	for y := -quietModules; y < size+quietModules; y += 2 {
		b.WriteString("\x1b[38;2;0;0;0;48;2;255;255;255m")
		for x := -quietModules; x < size+quietModules; x++ {
			switch upper, lower := black(x, y), black(x, y+1); {
			case upper && lower:
				b.WriteString("█")
			case upper:
				b.WriteString("▀")
			case lower:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}

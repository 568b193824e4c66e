package release

import (
	"fmt"
	"slices"
	"strings"
)

// Platform is an operating system and a processor, by Go's names.
type Platform struct{ OS, Arch string }

// Platforms are those that a release is made for.
func Platforms() []Platform {
	return []Platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"},
		{"windows", "amd64"}, {"windows", "arm64"}}
}

// String returns "os/arch".
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// ParsePlatform reads "os/arch".
func ParsePlatform(s string) (Platform, error) {
	system, arch, _ := strings.Cut(s, "/")
	p := Platform{system, arch}
	if !slices.Contains(Platforms(), p) {
		return p, fmt.Errorf("%q is none of %v", s, Platforms())
	}
	return p, nil
}

// program is the file name of the program.
func (p Platform) program() string {
	if p.OS == "windows" {
		return "scrip.exe"
	}
	return "scrip"
}

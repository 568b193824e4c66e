package release

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// An image for containers as a file: the layout of the Open Container Initiative, with the
// list beside it that docker load reads. It holds the program and nothing to log in with.

const (
	// imageUser is the number of the user and group that run the program, that of nobody
	// on common systems.
	imageUser = 65532
	imageHome = "/var/lib/scrip"

	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type (
	imageDescriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int               `json:"size"`
		Platform    *imagePlatform    `json:"platform,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	imagePlatform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	}
	imageManifest struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Config        *imageDescriptor  `json:"config,omitempty"`
		Layers        []imageDescriptor `json:"layers,omitempty"`
		Manifests     []imageDescriptor `json:"manifests,omitempty"`
	}
	imageConfig struct {
		imagePlatform
		Created string       `json:"created"`
		Config  imageProcess `json:"config"`
		RootFS  imageRoot    `json:"rootfs"`
		History []imageStep  `json:"history"`
	}
	imageProcess struct {
		User         string              `json:"User"`
		Env          []string            `json:"Env"`
		Entrypoint   []string            `json:"Entrypoint"`
		Cmd          []string            `json:"Cmd"`
		WorkingDir   string              `json:"WorkingDir"`
		ExposedPorts map[string]struct{} `json:"ExposedPorts"`
		Volumes      map[string]struct{} `json:"Volumes"`
		StopSignal   string              `json:"StopSignal"`
		Healthcheck  imageHealth         `json:"Healthcheck"`
		Labels       map[string]string   `json:"Labels"`
	}
	// imageHealth is Docker's: the Open Container Initiative leaves health to whoever
	// runs the container.
	imageHealth struct {
		Test        []string
		Interval    int64 // ns
		Timeout     int64 // ns
		StartPeriod int64 // ns
		Retries     int
	}
	imageRoot struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
	imageStep struct {
		Created   string `json:"created"`
		CreatedBy string `json:"created_by"`
	}
	// imageList is what docker load reads.
	imageList struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
)

// rootsPath is where Go looks for the certificates of authorities first.
const rootsPath = "etc/ssl/certs/ca-certificates.crt"

// roots are the certificates of the authorities that browsers trust without conditions:
// nodes and commands ask other members' nodes over HTTPS.
func roots() []byte {
	var b bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint == nil {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}))
		}
	}
	return b.Bytes()
}

// imageFiles are what a container sees.
func imageFiles(program []byte) Tree {
	return Tree{
		"usr/bin/scrip": {Content: program, Mode: 0o755},
		rootsPath:       {Content: roots(), Mode: 0o644},
		"etc/passwd": {Mode: 0o644, Content: []byte("root:x:0:0:root:/:/sbin/nologin\n" +
			"scrip:x:65532:65532:scrip:" + imageHome + ":/sbin/nologin\n")},
		"etc/group":     {Mode: 0o644, Content: []byte("root:x:0:\nscrip:x:65532:\n")},
		"var/lib/scrip": {Mode: fs.ModeDir | 0o700, Owner: imageUser},
		"tmp":           {Mode: fs.ModeDir | fs.ModeSticky | 0o777},
	}
}

// imageProcessOf says how the program is run.
func (cfg *Config) imageProcessOf() imageProcess {
	const second = 1e9
	return imageProcess{
		User: "65532:65532", Env: []string{"PATH=/usr/bin", "SCRIP_HOME=" + imageHome}, WorkingDir: imageHome,
		Entrypoint: []string{"/usr/bin/scrip"}, Cmd: []string{"node"}, StopSignal: "SIGTERM",
		ExposedPorts: map[string]struct{}{"7600/tcp": {}, "7601/tcp": {}}, Volumes: map[string]struct{}{imageHome: {}},
		Healthcheck: imageHealth{Test: []string{"CMD", "/usr/bin/scrip", "health"}, Interval: 10 * second,
			Timeout: 5 * second, StartPeriod: 30 * second, Retries: 3},
		Labels: map[string]string{"org.opencontainers.image.title": "scrip", "org.opencontainers.image.version": cfg.Version,
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.description": "Electronic coupons on a ledger that its members run together"},
	}
}

// image returns the image of the program as a tar archive.
func (cfg *Config) image(p Platform, program []byte) ([]byte, error) {
	layer, err := imageFiles(program).tar("", cfg.Time)
	if err != nil {
		return nil, err
	}
	packed, err := compress(layer)
	if err != nil {
		return nil, err
	}
	blobs := make(Tree)
	keep := func(media string, content []byte) imageDescriptor {
		d := imageDescriptor{MediaType: media, Digest: digestOf(content), Size: len(content)}
		blobs["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")] = Entry{Content: content, Mode: 0o644}
		return d
	}
	created := cfg.Time.Format("2006-01-02T15:04:05Z")
	platform := imagePlatform{p.Arch, p.OS}
	config, err := canonical(imageConfig{platform, created, cfg.imageProcessOf(),
		imageRoot{"layers", []string{digestOf(layer)}},
		[]imageStep{{created, "scrip-release " + cfg.Version}}})
	if err != nil {
		return nil, err
	}
	body, run := keep(mediaLayer, packed), keep(mediaConfig, config)
	manifest, err := canonical(imageManifest{SchemaVersion: 2, MediaType: mediaManifest, Config: &run,
		Layers: []imageDescriptor{body}})
	if err != nil {
		return nil, err
	}
	top := keep(mediaManifest, manifest)
	top.Platform, top.Annotations = &platform, map[string]string{"org.opencontainers.image.ref.name": cfg.Version,
		"io.containerd.image.name": "scrip:" + cfg.Version}
	index, err := canonical(imageManifest{SchemaVersion: 2, MediaType: mediaIndex, Manifests: []imageDescriptor{top}})
	if err != nil {
		return nil, err
	}
	blob := func(d imageDescriptor) string { return "blobs/sha256/" + strings.TrimPrefix(d.Digest, "sha256:") }
	list, err := canonical([]imageList{{blob(run), []string{"scrip:" + cfg.Version}, []string{blob(body)}}})
	if err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`),
		"index.json": index, "manifest.json": list} {
		blobs[name] = Entry{Content: content, Mode: 0o644}
	}
	return blobs.tar("", cfg.Time)
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// canonical is v as JSON without spaces.
func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

package genesis_test

import (
	"fmt"
	"strings"

	"github.com/scrip-network/scrip/genesis"
)

// A misspelt field is named with the line and with what was probably meant.
func ExampleParse() {
	d, err := genesis.Dev("mall", 4, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := genesis.Parse(d.Genesis.Raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %x\n", g.File.Name, g.Digest[:4])

	wrong := strings.Replace(string(g.Raw), `"payload_bytes_max"`, `"max_payload_bytes"`, 1)
	_, err = genesis.Parse([]byte(wrong))
	fmt.Println(err)
	wrong = strings.Replace(string(g.Raw), `"checkpoint_interval"`, `"checkpoints_interval"`, 1)
	_, err = genesis.Parse([]byte(wrong))
	fmt.Println(err)
	// Output:
	// DEV-mall e19cb62b
	// genesis: line 166: committee.max_payload_bytes: unknown field; "payload_bytes_max" is missing
	// genesis: line 162: committee.checkpoints_interval: unknown field; did you mean "checkpoint_interval"?
}

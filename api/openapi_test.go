package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/api/apitest"
)

var update = flag.Bool("update", false, "write openapi.json anew; read the difference before committing it")

func body(t testing.TB, r *http.Response) []byte {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The committed description is what the node serves.
func TestDescriptionHasNotDrifted(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	r, err := http.Get(x.Members[0].URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	served := body(t, r)
	if *update {
		if err := os.WriteFile("openapi.json", served, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(served, committed) {
		t.Error("openapi.json is not what the node serves: run go test ./api -run Drifted -update, and read the difference")
	}
	var d struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal(served, &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("the description is of version %s", d.OpenAPI)
	}
	seen := make(map[string]string)
	for path, methods := range d.Paths {
		for method, op := range methods {
			if other, ok := seen[op.OperationID]; ok || op.OperationID == "" {
				t.Errorf("%s %s has the operation id %q of %s", method, path, op.OperationID, other)
			}
			seen[op.OperationID] = path
			if strings.HasPrefix(path, "/v1/") && path != "/v1/events" && path != "/v1/genesis" &&
				op.Responses["default"] == nil {
				t.Errorf("%s %s does not describe its problems", method, path)
			}
		}
	}
}

// Package vectors reads the specification's test vectors, for tests.
package vectors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// root is seen from a package two folders deep, where Go runs its tests.
const root = "../../../../../fixtures/eventhook_fixtures"

// Load reads one file of vectors.
func Load[T any](t testing.TB, name string) T {
	t.Helper()
	var vectors T
	text, err := os.ReadFile(filepath.Join(root, name))
	if err == nil {
		err = json.Unmarshal(text, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	return vectors
}

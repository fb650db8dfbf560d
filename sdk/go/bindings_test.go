package weft_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestTheBindingsAreOfTheInterfacesThatThereAre(t *testing.T) {
	var found strings.Builder
	wit := os.DirFS("../rust/weft-sdk/wit")
	err := fs.WalkDir(wit, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(wit, path)
		fmt.Fprintf(&found, "%x  %s\n", sha256.Sum256(text), path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile("internal/bindings/made_of.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if string(made) != found.String() {
		t.Errorf("the bindings are older than the interfaces: cargo run --manifest-path sdk/go/bindgen/Cargo.toml\n%s%s", made, &found)
	}
}

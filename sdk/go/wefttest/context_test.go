package wefttest_test

import (
	"errors"
	"testing"

	"weft.dev/weft"
	"weft.dev/weft/wefttest"
)

func TestAContextDoesWhatItsFieldsSay(t *testing.T) {
	ctx := wefttest.New(t.Context())
	ctx.Variables["name"] = "value"
	ctx.Denied = []string{"secret"}
	if value, err := ctx.Variable("name"); value != "value" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if _, err := ctx.Variable("secret"); !errors.Is(err, weft.ErrDenied) {
		t.Error(err)
	}
	if _, err := ctx.Variable("other"); !errors.Is(err, weft.ErrNotFound) {
		t.Error(err)
	}
	var state int
	if resumed, err := ctx.Resumed(&state); resumed || err != nil {
		t.Error(resumed, err)
	}
	ctx.State = 3
	if resumed, err := ctx.Resumed(&state); !resumed || err != nil || state != 3 {
		t.Error(resumed, err, state)
	}
	artifact, err := weft.WriteArtifact(ctx, []byte("a,b\n"), "text/csv")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := weft.ReadArtifact(ctx, artifact); string(data) != "a,b\n" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := weft.ReadArtifact(ctx, weft.Artifact{Reference: "foreign"}); !errors.Is(err, weft.ErrDenied) {
		t.Error(err)
	}
	if ctx.Err() != nil {
		t.Error(ctx.Err())
	}
	ctx.Stopped = true
	if ctx.Err() == nil || !ctx.Cancelled() {
		t.Error("it was stopped")
	}
}

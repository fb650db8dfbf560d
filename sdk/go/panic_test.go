package weft_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"weft.dev/weft"
)

func TestAPanicIsAFailureWithItsPlace(t *testing.T) {
	var logged bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	d := weft.DAG("d")
	weft.Task0(d, "index", func(weft.Context) (int, error) {
		var list []int
		return list[strings.Index("abc", "c")], nil
	})
	message, retryable := weft.Failed(d, "index")
	if !retryable || message != "panic: runtime error: index out of range [2] with length 0 (panic_test.go:20)" {
		t.Errorf("%q", message)
	}
	if !strings.Contains(logged.String(), "panic_test.go:20") || strings.Contains(logged.String(), "attempt.go") {
		t.Errorf("%s", logged.String())
	}
}

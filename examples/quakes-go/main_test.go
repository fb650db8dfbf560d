package main

import (
	"errors"
	"strings"
	"testing"

	"quakes.example/dags/stats"
	"weft.dev/weft"
	"weft.dev/weft/wefttest"
)

func TestAServerThatIsDownIsTriedAgain(t *testing.T) {
	ctx := wefttest.New(t.Context())
	var failure *weft.Failure
	if _, err := feed(ctx, 1); !errors.As(err, &failure) || failure.Permanent {
		t.Errorf("%v", err)
	}
	ctx.Known.Number = 2
	if events, err := feed(ctx, 1); err != nil || len(events) != 1707 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestTheThresholdDecidesWhichNoticeIsWritten(t *testing.T) {
	world := stats.World{Strongest: stats.Quake{Magnitude: 6.5, Place: "somewhere"}}
	alarm, err := alert(nil, world, 6)
	if err != nil || alarm != "An earthquake of magnitude 6.5, somewhere, reached 6.0." {
		t.Errorf("%q, %v", alarm, err)
	}
	ctx := wefttest.New(t.Context())
	written, err := report(ctx, world, nil, &alarm)
	if err != nil || written.Notice != alarm {
		t.Fatalf("%+v, %v", written, err)
	}
	page, err := weft.ReadArtifact(ctx, written.Page)
	if err != nil || !strings.Contains(string(page), alarm) {
		t.Errorf("%q, %v", page, err)
	}
	if _, err := report(ctx, world, nil, nil); err == nil {
		t.Error("there is no notice")
	}
}

func TestTheDAGIsWhole(t *testing.T) {
	if _, err := Quakes().Document(); err != nil {
		t.Error(err)
	}
}

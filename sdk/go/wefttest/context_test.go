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

func TestAnAttemptIsWokenByAnAnswer(t *testing.T) {
	ctx := wefttest.New(t.Context())
	ctx.Decided("approve", map[string]any{"rows": 3})
	decision, err := ctx.Attempt().Woken.Decided()
	if err != nil || !decision.Approved() || decision.By != "test" || string(decision.Fields["rows"]) != "3" {
		t.Error(err, decision)
	}
	ctx.Known.Woken = &weft.Woken{TimedOut: true}
	if _, err := ctx.Attempt().Woken.Decided(); err == nil || err.Error() != "no one answered in time" {
		t.Error(err)
	}
}

func TestAnAttemptIsWokenByTheEndOfARun(t *testing.T) {
	ctx := wefttest.New(t.Context())
	ctx.RunEnded("child", "success", map[string]any{"report": map[string]int{"rows": 7}})
	var report struct{ Rows int }
	if err := ctx.Attempt().Woken.Output("report", &report); err != nil || report.Rows != 7 {
		t.Error(err, report)
	}
	for words, ends := range map[string]func(){
		"run test-child of DAG child has no output of \"report\", but of its last tasks that are not mapped: a, b": func() {
			ctx.RunEnded("child", "success", map[string]any{"b": 1, "a": 2})
		},
		"the output of \"report\" in run test-child of DAG child: expected struct { Rows int }, got number": func() {
			ctx.RunEnded("child", "success", map[string]any{"report": 1})
		},
		"run test-child of DAG child left no outputs: those of called runs come back, up to 256 KiB in all": func() {
			ctx.RunEnded("child", "success", nil)
		},
		"task load of run test-child of DAG child ended as skipped": func() { ctx.TaskEnded("child", "load", "skipped") },
		"there is no task load of run test-child of DAG child":      func() { ctx.TaskEnded("child", "load", "missing") },
		"there is no task load of DAG daily": func() {
			ctx.Known.Woken = &weft.Woken{DAG: "daily", Task: "load", State: "missing"}
		},
		"the task was woken by an update of the asset orders, not by a run": func() { ctx.Updated("orders", "", nil) },
		"run test-child of DAG child ended as failed":                       func() { ctx.RunEnded("child", "failed", nil) },
		"run test-child of DAG child is still queued: a detached call does not wait for its end": func() {
			ctx.RunEnded("child", "queued", nil)
		},
		"the call was refused: DAG child is paused (dag_paused)":  func() { ctx.CallRefused("dag_paused", "DAG child is paused") },
		"the run did not end in time":                             func() { ctx.Known.Woken = &weft.Woken{TimedOut: true} },
		"the task was resumed by a command, before the run ended": func() { ctx.Known.Woken = &weft.Woken{ByCommand: true} },
		"the task was woken by the event \"paid\", not by a run":  func() { ctx.Known.Woken = &weft.Woken{Event: "paid"} },
		"there is no DAG daily, so it has no run":                 func() { ctx.Known.Woken = &weft.Woken{DAG: "daily", State: "missing"} },
		"there is no run 0c3k5v7n9q1st":                           func() { ctx.Known.Woken = &weft.Woken{Run: "0c3k5v7n9q1st", State: "missing"} },
	} {
		ends()
		err := ctx.Attempt().Woken.Output("report", &report)
		var failure *weft.Failure
		if !errors.As(err, &failure) || !failure.Permanent || err.Error() != words {
			t.Errorf("%v, and should be %q", err, words)
		}
	}
}

func TestAnAttemptIsWokenByTheEndOfATask(t *testing.T) {
	ctx := wefttest.New(t.Context())
	ctx.TaskEnded("daily", "load", "success")
	woken := ctx.Attempt().Woken
	if outputs, err := woken.Succeeded(); err != nil || len(outputs) != 0 || woken.Task != "load" || woken.Run != "test-daily" {
		t.Error(outputs, err, woken)
	}
}

func TestAnAttemptIsWokenByAnUpdate(t *testing.T) {
	ctx := wefttest.New(t.Context())
	ctx.Updated("orders", "2026-11-01", map[string]int{"rows": 3})
	update, err := ctx.Attempt().Woken.Updated()
	if err != nil || update.Asset != "orders" || update.Partition != "2026-11-01" || string(update.Metadata) != `{"rows":3}` || update.At.IsZero() {
		t.Error(err, update)
	}
	ctx.Updated("orders", "", nil)
	if metadata := string(ctx.Attempt().Woken.Update.Metadata); metadata != "null" {
		t.Error(metadata)
	}
	ctx.Known.Woken = &weft.Woken{TimedOut: true}
	if _, err := ctx.Attempt().Woken.Updated(); err == nil || err.Error() != "the asset was not updated in time" {
		t.Error(err)
	}
}

func TestTheUpdatesOfATaskAreRead(t *testing.T) {
	updates := wefttest.Updates(weft.Update(weft.AssetUpdate{Asset: "orders", Partition: "2026-11-26"}))
	if len(updates) != 1 || updates[0].Partition != "2026-11-26" {
		t.Error(updates)
	}
	if updates := wefttest.Updates(errors.New("down")); updates != nil {
		t.Error(updates)
	}
}

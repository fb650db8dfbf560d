package weft

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// attempted runs a task of a DAG that has only this one, which takes `in` or nothing.
func attempted[A, O any](run func(Context, A) (O, error), given string) outcome {
	d := DAG("d")
	Task(d, "task", run, Required[A](d, "in"))
	return d.nodes[0].attempt(nil, map[string]json.RawMessage{"in": json.RawMessage(given)})
}

func ends(err error) outcome {
	return attempted(func(Context, int) (int, error) { return 0, err }, "1")
}

func TestValuesComeBackAsTheyWent(t *testing.T) {
	for _, value := range []string{
		`null`, `[true,false,[],{}]`, `{"a":{"b":[1,-2,9007199254740993]},"":"empty"}`, `[0.1,-1.5e300,1e21]`,
		`"quotes \" and \\ and <&> é 日本 😀"`,
	} {
		same := attempted(func(_ Context, in json.RawMessage) (json.RawMessage, error) { return in, nil }, value)
		if string(same.output) != value {
			t.Errorf("%s became %s", value, same.output)
		}
	}
}

type lists struct {
	Names  []string
	Counts map[string][]int
	Inner  *lists `json:",omitempty"`
}

func TestListsThatAreNilAreEmpty(t *testing.T) {
	for given, expected := range map[string]string{
		`0`: `{"Names":[],"Counts":{}}`,
		`1`: `{"Names":["a"],"Counts":{"b":[]},"Inner":{"Names":[],"Counts":{}}}`,
	} {
		end := attempted(func(_ Context, in int) (lists, error) {
			if in == 0 {
				return lists{}, nil
			}
			return lists{[]string{"a"}, map[string][]int{"b": nil}, &lists{}}, nil
		}, given)
		if string(end.output) != expected {
			t.Errorf("%s and should be %s", end.output, expected)
		}
	}
	if end := attempted(func(Context, int) (None, error) { return None{}, nil }, "1"); string(end.output) != "null" {
		t.Errorf("%s", end.output)
	}
}

func TestWhatDoesNotFitFailsForGood(t *testing.T) {
	text := func(_ Context, in string) (string, error) { return in, nil }
	for _, one := range []struct {
		end   outcome
		words string
	}{
		{attempted(text, "1"), "input in: expected string, got number"},
		{attempted(text, "null"), "input in: it is null, since the task that gives it was skipped"},
		{attempted(func(_ Context, in lists) (int, error) { return 0, nil }, `{"Names": [1]}`), "input in: Names.0: expected string, got number"},
		{attempted(func(Context, int) (float64, error) { return math.NaN(), nil }, "1"), "can't be passed on: unsupported value: NaN"},
		{attempted(func(Context, int) (any, error) { return make(chan int), nil }, "1"), "attempt_test.go:73) returned can't be passed on"},
		{attempted(func(Context, int) (any, error) {
			var loop any
			loop = &loop
			return loop, nil
		}, "1"), "or holds itself"},
	} {
		failure := one.end.failure
		if failure == nil || failure.retryable || !strings.Contains(failure.message, one.words) {
			t.Errorf("%+v, and should say %q", failure, one.words)
		}
	}
}

func TestErrorsSayHowAnAttemptEnds(t *testing.T) {
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for _, one := range []struct {
		err      error
		failure  *failed
		controls string
	}{
		{err: errors.New("down"), failure: &failed{retryable: true, message: "down"}},
		{err: Fail("no %s", "use"), failure: &failed{message: "no use"}},
		{err: fmt.Errorf("wrapped: %w", Fail("no use")), failure: &failed{message: "wrapped: no use"}},
		{err: fmt.Errorf("key: %w", ErrDenied), failure: &failed{message: "key: denied"}},
		{err: Retry(1500*time.Microsecond, "busy"), failure: &failed{true, "busy", json.RawMessage(`{"retry_after_ms":2}`)}},
		{
			err:     &Failure{Details: map[string]int{"row": 3}, Err: errors.New("bad row")},
			failure: &failed{true, "bad row", json.RawMessage(`{"details":{"row":3}}`)},
		},
		{err: Skip("nothing to do"), controls: `{"kind":"skip","reason":"nothing to do"}`},
		{err: fmt.Errorf("so: %w", Skip("")), controls: `{"kind":"skip"}`},
		{err: DeferFor(time.Minute, []int{1}), controls: `{"kind":"defer","after_ms":60000,"state":[1]}`},
		{
			err:      DeferUntil(date, nil),
			controls: `{"kind":"defer","until":"2026-01-02T02:04:05Z","state":null}`,
		},
		{
			err:      DeferUntilEvent("paid", time.Second, 1),
			controls: `{"kind":"defer","event":"paid","timeout_ms":1000,"state":1}`,
		},
		{err: DeferUntilEvent("paid", 0, nil), controls: `{"kind":"defer","event":"paid","state":null}`},
		{err: DeferUntilEvent("paid", -1, nil), failure: &failed{message: "a deferral can't be for -1ns"}},
		{
			err:      DeferUntilRun("0c3k5v7n9q1st", time.Second, 1),
			controls: `{"kind":"defer","run":"0c3k5v7n9q1st","timeout_ms":1000,"state":1}`,
		},
		{
			err:      DeferUntilDAG("daily", date, 0, nil),
			controls: `{"kind":"defer","dag":"daily","logical_date":"2026-01-02T02:04:05Z","state":null}`,
		},
		{
			err:      DeferUntilRunTask("0c3k5v7n9q1st", "load", time.Second, 1),
			controls: `{"kind":"defer","run":"0c3k5v7n9q1st","task":"load","timeout_ms":1000,"state":1}`,
		},
		{
			err:      DeferUntilDAGTask("daily", date, "load", 0, nil),
			controls: `{"kind":"defer","dag":"daily","logical_date":"2026-01-02T02:04:05Z","task":"load","state":null}`,
		},
		{err: DeferUntilAsset(AssetWait{Asset: "orders"}, 0, nil), controls: `{"kind":"defer","asset":"orders","state":null}`},
		{
			err:      DeferUntilAsset(AssetWait{Asset: "orders", Partition: "2026-01-02", Since: date}, time.Second, 1),
			controls: `{"kind":"defer","asset":"orders","partition":"2026-01-02","since":"2026-01-02T02:04:05Z","timeout_ms":1000,"state":1}`,
		},
		{
			err: CallDAG(Call{DAG: "child", Params: map[string]int{"rows": 7}, LogicalDate: date}, time.Hour, nil),
			controls: `{"kind":"defer","call":{"dag":"child","params":{"rows":7},"logical_date":"2026-01-02T02:04:05Z","wait":true},` +
				`"timeout_ms":3600000,"state":null}`,
		},
		{
			err:      CallDAG(Call{DAG: "child", Detached: true}, 0, nil),
			controls: `{"kind":"defer","call":{"dag":"child","params":{},"wait":false},"state":null}`,
		},
		{
			err:      CallDAG(Call{DAG: "child", Params: map[string]any(nil)}, 0, nil),
			controls: `{"kind":"defer","call":{"dag":"child","params":{},"wait":true},"state":null}`,
		},
		{
			err:     CallDAG(Call{DAG: "child", Params: []int{7}}, 0, nil),
			failure: &failed{message: "the parameters of the call of child are a map or a struct, not []int"},
		},
		{
			err:     CallDAG(Call{DAG: "child", Params: map[string]any{"x": make(chan int)}}, 0, nil),
			failure: &failed{message: "the parameters of the call of child can't be passed on: unsupported type: chan int"},
		},
		{
			err:     CallDAG(Call{DAG: "child", Detached: true}, time.Second, nil),
			failure: &failed{message: "a detached call takes no timeout: it waits for nothing"},
		},
		{
			err: Ask(Approval{
				Subject: "Ship it?", Body: "**now**", Options: []string{"ship", "wait"}, Default: "wait",
				Form: map[string]string{"type": "object"}, Approvers: []string{"ada"},
			}, 5*time.Second, nil),
			controls: `{"kind":"defer","approval":{"subject":"Ship it?","body":"**now**","options":["ship","wait"],"default":"wait","approvers":["ada"],"form":{"type":"object"}},"timeout_ms":5000,"state":null}`,
		},
		{
			err:      Ask(Approval{Subject: "Ship it?"}, 0, nil),
			controls: `{"kind":"defer","approval":{"subject":"Ship it?"},"state":null}`,
		},
		{
			err:     Ask(Approval{Subject: "Ship it?", Default: "reject"}, 0, nil),
			failure: &failed{message: "the default of an approval is the answer after the timeout: give one"},
		},
		{err: Ask(Approval{}, 0, nil), failure: &failed{message: `an approval asks a question, not ""`}},
		{err: CallDAG(Call{}, 0, nil), failure: &failed{message: `a call names a DAG by its id, not ""`}},
		{err: DeferUntilEvent("", 0, nil), failure: &failed{message: `an event has a name, not ""`}},
		{err: DeferUntilRun("", 0, nil), failure: &failed{message: `a run has an id, not ""`}},
		{err: DeferUntilDAG("", date, 0, nil), failure: &failed{message: `a DAG has an id, not ""`}},
		{err: DeferUntilRunTask("", "load", 0, nil), failure: &failed{message: `a run has an id, not ""`}},
		{err: DeferUntilRunTask("0c3k5v7n9q1st", "", 0, nil), failure: &failed{message: `a task has an id, not ""`}},
		{err: DeferUntilDAGTask("", date, "load", 0, nil), failure: &failed{message: `a DAG has an id, not ""`}},
		{err: DeferUntilDAGTask("daily", date, "", 0, nil), failure: &failed{message: `a task has an id, not ""`}},
		{
			err:     DeferUntilDAGTask("daily", time.Time{}, "load", 0, nil),
			failure: &failed{message: "a deferral's DAG and LogicalDate go together"},
		},
		{
			err:     &Deferred{Event: "paid", Task: "load"},
			failure: &failed{message: "a deferral's Task goes with Run, or with DAG and LogicalDate"},
		},
		{
			err:     &Deferred{Asset: &AssetWait{Asset: "orders"}, Task: "load"},
			failure: &failed{message: "a deferral's Task goes with Run, or with DAG and LogicalDate"},
		},
		{err: DeferUntilAsset(AssetWait{}, 0, nil), failure: &failed{message: `an asset has a name, not ""`}},
		{
			err: DeferUntilAsset(AssetWait{Asset: "a b"}, 0, nil),
			failure: &failed{message: "the name of an asset is made of letters, digits and the characters _ - . / : @ + = % ~, and " +
				`starts with a letter, a digit or '_'; "a b" does not`},
		},
		{
			err:     DeferUntilAsset(AssetWait{Asset: "orders", Partition: "a\nb"}, 0, nil),
			failure: &failed{message: "the partition of orders has at most 250 bytes in one line, without control characters"},
		},
		{
			err:     DeferUntilDAG("daily", time.Time{}, 0, nil),
			failure: &failed{message: "a deferral's DAG and LogicalDate go together"},
		},
		{
			err:     &Deferred{Run: "0c3k5v7n9q1st", LogicalDate: date},
			failure: &failed{message: "a deferral's DAG and LogicalDate go together"},
		},
		{
			err:     &Deferred{Event: "paid", Run: "0c3k5v7n9q1st"},
			failure: &failed{message: "a deferral has one of Until, After, Event, Run, DAG, Asset, Call and Approval"},
		},
		{
			err:     &Deferred{Call: &Call{DAG: "child"}, LogicalDate: date},
			failure: &failed{message: "the date of a called run is the call's: weft.Call{LogicalDate: ...}"},
		},
		{err: &Deferred{After: 1, Timeout: 1}, failure: &failed{message: "a deferral by time takes no Timeout"}},
		{err: DeferFor(-1, nil), failure: &failed{message: "a deferral can't be for -1ns"}},
	} {
		end := ends(one.err)
		if string(end.control) != one.controls {
			t.Errorf("%v: %s", one.err, end.control)
		}
		if one.failure != nil && fmt.Sprintf("%+v", end.failure) != fmt.Sprintf("%+v", one.failure) {
			t.Errorf("%v: %+v", one.err, end.failure)
		}
	}
}

func TestTheHostSaysWhatWokeATask(t *testing.T) {
	for document, wanted := range map[string]Woken{
		`{"event":"paid","payload":3}`: {Event: "paid", Payload: json.RawMessage("3")},
		`{"timeout":true}`:             {TimedOut: true},
		`{"command":true}`:             {ByCommand: true},
		`{"run":"0c3k5v7n9q1st","dag":"child","state":"success","outputs":{"a":[1]}}`: {
			Run: "0c3k5v7n9q1st", DAG: "child", State: "success", Outputs: map[string]json.RawMessage{"a": json.RawMessage("[1]")},
		},
		`{"run":"0c3k5v7n9q1st","dag":"daily","task":"load","state":"skipped"}`: {
			Run: "0c3k5v7n9q1st", DAG: "daily", Task: "load", State: "skipped",
		},
		`{"update":{"asset":"orders","partition":"2026-11-01","metadata":{"rows":3},"at":"2026-11-01T02:03:04Z","run":"0c3k5v7n9q1st"}}`: {
			Update: &ObservedUpdate{
				Asset: "orders", Partition: "2026-11-01", Metadata: json.RawMessage(`{"rows":3}`),
				At: time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC), Run: "0c3k5v7n9q1st",
			},
		},
		`{"update":{"asset":"orders","partition":null,"metadata":null,"at":"2026-11-01T02:03:04Z","run":null}}`: {
			Update: &ObservedUpdate{Asset: "orders", Metadata: json.RawMessage("null"), At: time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC)},
		},
		`{"run":null,"dag":null,"state":"missing"}`:            {State: "missing"},
		`{"error":{"code":"dag_paused","message":"it rests"}}`: {Error: &CallError{"dag_paused", "it rests"}},
	} {
		var found Attempt
		if err := json.Unmarshal([]byte(`{"woken":`+document+`}`), &found); err != nil || !reflect.DeepEqual(*found.Woken, wanted) {
			t.Errorf("%s: %+v, %v", document, found.Woken, err)
		}
	}
}

func TestABranchChoosesAmongItsDownstreams(t *testing.T) {
	d := DAG("d")
	chosen := ""
	judge := Task0(d, "judge", func(Context) (Choice, error) { return Choose(chosen, chosen), nil })
	Task0(d, "one", func(Context) (int, error) { return 1, nil }, After(judge))
	Task0(d, "two", func(Context) (int, error) { return 2, nil }, After(judge))
	chosen = "two"
	if end := d.find("judge").attempt(nil, nil); string(end.control) != `{"kind":"branch","tasks":["two"]}` {
		t.Errorf("%s", end.control)
	}
	chosen = "three"
	end := d.find("judge").attempt(nil, nil)
	if end.failure == nil || end.failure.message != `judge chose "three", which is none of its direct downstreams (one, two)` {
		t.Errorf("%+v", end.failure)
	}
}

type outer struct {
	Name  string
	Inner struct {
		A    int
		List []int `json:"the/list"`
	} `json:"inner"`
	Three [3]string
}

func TestAPartIsFoundByItsAddress(t *testing.T) {
	for _, one := range []struct {
		found, wanted string
	}{
		{pointer(func(o *outer) *string { return &o.Name }), "/Name Name"},
		{pointer(func(o *outer) *[]int { return &o.Inner.List }), "/inner/the~1list the/list"},
		{pointer(func(o *outer) *string { return &o.Three[2] }), "/Three/2 2"},
	} {
		if one.found != one.wanted {
			t.Errorf("%s, and should be %s", one.found, one.wanted)
		}
	}
	d := DAG("d")
	known := Part(Const("c", outer{Name: "known"}), func(o *outer) *string { return &o.Name })
	Task(d, "t", func(_ Context, in string) (string, error) { return in, nil }, known)
	if text, err := d.Document(); err != nil || !strings.Contains(string(text), `"inputs":{"Name":{"value":"known"}}`) {
		t.Errorf("%s, %v", text, err)
	}
}

func pointer[T, P any](field func(*T) *P) string {
	found, name, err := pointed(field)
	if err != nil {
		return err.Error()
	}
	return found + " " + name
}

func TestTasksOfOneIDAreDistinguished(t *testing.T) {
	one, two := DAG("one"), DAG("two")
	for _, d := range []*Dag{one, two} {
		Task0(d, "same", func(Context) (int, error) { return 1, nil })
	}
	Task0(two, "own", func(Context) (int, error) { return 1, nil })
	found := names([]*Dag{one, two})
	if found["one/same"] != one.nodes[0] || found["two/same"] != two.nodes[0] || found["own"] != two.nodes[1] {
		t.Errorf("%v", found)
	}
	document, err := describe([]*Dag{one, two})
	if err != nil || !strings.Contains(string(document), `"task":"two/same"`) {
		t.Errorf("%s, %v", document, err)
	}
	if _, err := describe([]*Dag{one, DAG("one")}); err == nil || !strings.Contains(err.Error(), `two DAGs are called "one"`) {
		t.Error(err)
	}
	if _, err := describe(nil); !errors.Is(err, errNoDAG) {
		t.Error(err)
	}
}

type line struct {
	ID   int    `json:"id"`
	Note string `json:"note"`
	Size *int   `json:"size"`
}

func TestAPartThatAnElementLacksIsZero(t *testing.T) {
	d := DAG("d")
	list := Param(d, "list", []line{})
	note := Parts(list, func(l *line) *string { return &l.Note })
	id := Each(Parts(list, func(l *line) *int { return &l.ID }))
	size := Each(Parts(list, func(l *line) **int { return &l.Size }))
	Expand3(d, "parts", func(_ Context, note string, id int, size *int) (string, error) {
		return fmt.Sprintf("%q %d %v", note, id, size == nil), nil
	}, note, id, size)
	Expand2(d, "optional", func(_ Context, note string, id *int) (string, error) {
		return fmt.Sprintf("%q %v", note, id == nil), nil
	}, note, Optional(id))
	Expand(d, "whole", func(Context, line) (int, error) { return 0, nil }, list)
	for _, one := range []struct{ task, given, output, message string }{
		{"parts", `{"note": "a", "id": 3, "size": 4}`, `"\"a\" 3 false"`, ""},
		{"parts", `{"id": 3, "size": null}`, `"\"\" 3 true"`, ""},
		{"parts", `{}`, `"\"\" 0 true"`, ""},
		{"optional", `{"note": "a"}`, `"\"a\" true"`, ""},
		{"optional", `{"id": 1}`, `"\"\" false"`, ""},
		{"parts", `{"note": null}`, "", "input note: the part of its element is null; take a pointer"},
		{"parts", `{"id": "x"}`, "", "input id: expected int, got string"},
		{"whole", `{}`, "", "input list is missing"},
	} {
		var given map[string]json.RawMessage
		if err := json.Unmarshal([]byte(one.given), &given); err != nil {
			t.Fatal(err)
		}
		end := d.find(one.task).attempt(nil, given)
		if one.message == "" {
			var found, wanted string
			if err := errors.Join(json.Unmarshal(end.output, &found), json.Unmarshal([]byte(one.output), &wanted)); err != nil || found != wanted {
				t.Errorf("%s with %s: %s, %+v", one.task, one.given, end.output, end.failure)
			}
		} else if end.failure == nil || end.failure.retryable || end.failure.message != one.message {
			t.Errorf("%s with %s: %s, %+v", one.task, one.given, end.output, end.failure)
		}
	}
}

func TestAPartThatAnElementOfAMappedGroupLacksIsZero(t *testing.T) {
	type row struct {
		Size int  `json:"size"`
		Note *int `json:"note"`
	}
	d := DAG("d")
	rows := Required[[]row](d, "rows")
	size := func(r *row) *int { return &r.Size }
	sum := func(_ Context, a int) (int, error) { return a + 1, nil }
	MapGroup(d, "g", rows.As("row"), func(d *Dag, row Value[row]) Value[int] {
		Task(d, "optional", func(_ Context, size *int) (bool, error) { return size == nil, nil }, Optional(Part(row, size)))
		return Task(d, "part", sum, Part(row, size))
	})
	MapGroup(d, "parts", Parts(rows, size), func(d *Dag, size Value[int]) Value[int] { return Task(d, "part", sum, size) })
	MapGroup(d, "whole", Required[[]int](d, "number"), func(d *Dag, size Value[int]) Value[int] { return Task(d, "part", sum, size) })
	for _, one := range []struct{ task, given, output, failure string }{
		{"g.part", `{"size": 3}`, "4", ""},
		{"g.part", `{}`, "1", ""},
		{"g.part", `{"size": null}`, "", "input size: the part of its element is null; take a pointer"},
		{"g.optional", `{}`, "true", ""},
		{"parts.part", `{}`, "1", ""},
		{"whole.part", `{}`, "", "input number is missing"},
	} {
		var given map[string]json.RawMessage
		if err := json.Unmarshal([]byte(one.given), &given); err != nil {
			t.Fatal(err)
		}
		end := d.find(one.task).attempt(nil, given)
		failure := ""
		if end.failure != nil {
			failure = end.failure.message
		}
		if string(end.output) != one.output || failure != one.failure {
			t.Errorf("%s %s: %s, %q", one.task, one.given, end.output, failure)
		}
	}
}

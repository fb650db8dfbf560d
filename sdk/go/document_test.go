package weft_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"weft.dev/weft"
)

type quake struct {
	Place     string  `json:"place"`
	Magnitude float64 `json:"magnitude"`
	Felt      *int    `json:"felt,omitempty"`
}

type checked struct {
	Quakes   []quake        `json:"quakes"`
	Rejected map[string]int `json:"rejected"`
}

func extract(weft.Context, string) (checked, error)           { return checked{}, nil }
func count(weft.Context, []quake) (int, error)                { return 0, nil }
func describe(weft.Context, quake, string) (string, error)    { return "", nil }
func judge(weft.Context, int) (weft.Choice, error)            { return weft.Choose("alert"), nil }
func alert(weft.Context) (string, error)                      { return "", nil }
func join(weft.Context, []string, *string) (weft.None, error) { return weft.None{}, nil }
func broken(weft.Context, chan int) (func(), error)           { return nil, nil }
func nested(weft.Context) (map[float64]int, error)            { return nil, nil }
func pair(weft.Context, int, int) (int, error)                { return 0, nil }
func once(weft.Context, int) (int, error)                     { return 0, nil }
func text(weft.Context) (string, error)                       { return "", nil }
func same[T any](_ weft.Context, value T) (T, error)          { return value, nil }
func document(t *testing.T, d *weft.Dag) map[string]any {
	t.Helper()
	text, err := d.Document()
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Contract string
		Dags     []map[string]any
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.Contract != "weft.dag/1" || len(parsed.Dags) != 1 {
		t.Fatalf("%s", text)
	}
	return parsed.Dags[0]
}

// is compares a part of a document, by the way to it, with JSON.
func is(t *testing.T, whole any, way, expected string) {
	t.Helper()
	for _, step := range strings.Fields(way) {
		object, _ := whole.(map[string]any)
		whole = object[step]
	}
	var wanted any
	if err := json.Unmarshal([]byte(expected), &wanted); err != nil {
		t.Fatal(err)
	}
	found, _ := json.Marshal(whole)
	again, _ := json.Marshal(wanted)
	if string(found) != string(again) {
		t.Errorf("%s is %s, and should be %s", way, found, again)
	}
}

func TestADAGIsDescribed(t *testing.T) {
	d := weft.DAG("quakes", weft.Schedule("0 6 * * *"), weft.Timezone("Europe/Berlin"), weft.Tags("a", "b"),
		weft.Start(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)), weft.Catchup(false), weft.Timeout(time.Hour))
	url := weft.Param(d, "url", "https://a.example.org", weft.Description("the feed"))
	limit := weft.Required[int](d, "limit")
	rows := weft.Task(d, "extract", extract, url,
		weft.Retries(3), weft.RetryDelay(1500*time.Millisecond), weft.HTTP("a.example.org"), weft.HTTP("b.example.org"),
		weft.Variables("key"), weft.Calls("child"), weft.Calls("other"), weft.Limits{Memory: "64MiB", CPU: time.Minute}, weft.Pool("db", 2))
	quakes := weft.Part(rows, func(c *checked) *[]quake { return &c.Quakes })
	lines := weft.Expand2(d, "describe", describe, quakes.As("quake"), url, weft.MaxActive(5))
	judged := weft.Task(d, "judge", judge, limit)
	called := weft.Task0(d, "alert", alert, weft.After(judged))
	weft.Task2(d, "join", join, lines, weft.Optional(called).As("notice"), weft.When(weft.NoneFailed), weft.Priority(7))
	weft.Task2(d, "pair", pair, weft.Const("a", 1), weft.Task(d, "count", count, quakes))

	dag := document(t, d)
	for way, expected := range map[string]string{
		"schedule": `"0 6 * * *"`, "timezone": `"Europe/Berlin"`, "tags": `["a", "b"]`, "timeout": `3600`,
		"start": `"2026-01-02T00:00:00Z"`, "catchup": `false`,
		"params url":           `{"schema": {"type": "string"}, "default": "https://a.example.org", "description": "the feed"}`,
		"params limit":         `{"schema": {"type": "integer"}}`,
		"tasks extract inputs": `{"url": {"param": "url"}}`,
		"tasks extract grants": `{"http": ["a.example.org", "b.example.org"], "variables": ["key"], "dags": ["child", "other"]}`,
		"tasks extract limits": `{"memory": "64MiB", "cpu": 60}`,
		"tasks extract pool":   `"db"`, "tasks extract pool_slots": `2`,
		"tasks extract retries": `3`, "tasks extract retry_delay": `1.5`,
		"tasks describe expand": `{"quake": {"task": "extract", "pointer": "/quakes"}}`,
		"tasks describe inputs": `{"url": {"param": "url"}}`, "tasks describe max_active": `5`,
		"tasks describe types output": `{"type": "string"}`,
		"tasks judge branch":          `true`, "tasks judge types": `{"inputs": {"limit": {"type": "integer"}}}`,
		"tasks alert after": `["judge"]`,
		"tasks join inputs": `{"describe": {"task": "describe"}, "notice": {"task": "alert"}}`,
		"tasks join types": `{"inputs": {"describe": {"type": "array", "items": {"type": "string"}},
			"notice": {"type": ["string", "null"]}}, "output": {"type": "null"}}`,
		"tasks join trigger_rule": `"none_failed"`, "tasks join priority": `7`,
		"tasks pair inputs": `{"a": {"value": 1}, "count": {"task": "count"}}`,
		"tasks count types inputs quakes": `{"type": "array", "items": {"type": "object",
			"properties": {"place": {"type": "string"}, "magnitude": {"type": "number"}, "felt": {"type": ["integer", "null"]}},
			"required": ["place", "magnitude"]}}`,
	} {
		is(t, dag, way, expected)
	}
}

func TestATeardownNamesItsSetups(t *testing.T) {
	d := weft.DAG("cluster")
	made := weft.Task0(d, "create", text)
	other := weft.Task0(d, "other", text)
	work := weft.Task(d, "work", same[string], made)
	weft.Task(d, "destroy", same[*string], weft.Optional(made), weft.TeardownOf(made), weft.After(work), weft.TeardownFailsRun())
	weft.Task0(d, "both", text, weft.TeardownOf(made, other, made), weft.RetryOn("timeout", "internal"))
	weft.Task0(d, "any", text, weft.TeardownOf())
	dag := document(t, d)
	for way, expected := range map[string]string{
		"tasks destroy teardown_of": `["create"]`, "tasks destroy teardown_fails_run": `true`, "tasks destroy after": `["work"]`,
		"tasks both teardown_of": `["create", "other"]`, "tasks both after": `null`, "tasks both teardown_fails_run": `null`,
		"tasks both retry_on":   `["timeout", "internal"]`,
		"tasks any teardown_of": `[]`, "tasks work teardown_of": `null`,
	} {
		is(t, dag, way, expected)
	}
}

func TestListsAreZipped(t *testing.T) {
	d := weft.DAG("zips")
	one := weft.Param(d, "one", []int{})
	weft.Expand2(d, "pair", pair, one, weft.Each(weft.Const("other", []int{1, 2})), weft.Zip())
	dag := document(t, d)
	is(t, dag, "tasks pair zip", `true`)
	is(t, dag, "tasks pair expand", `{"one": {"param": "one"}, "other": {"value": [1, 2]}}`)
}

func TestMistakesAreReportedTogetherWithTheirLines(t *testing.T) {
	d, other := weft.DAG("d"), weft.DAG("other")
	one := weft.Param(d, "one", 1)
	foreign := weft.Param(other, "foreign", 1)
	list := weft.Param(d, "list", []int{})
	weft.Param(d, "one", 2)
	weft.Task(d, "twice", once, one)
	choice := weft.Task(d, "twice", judge, one)
	weft.Task(d, "foreign", once, foreign)
	weft.Task2(d, "equal", pair, one, one)
	weft.Task(d, "each", once, weft.Each(list))
	weft.Task(d, "chosen", func(weft.Context, weft.Choice) (int, error) { return 0, nil }, choice)
	weft.Task(d, "broken", broken, weft.Value[chan int]{})
	weft.Task0(d, "nested", nested)
	weft.Task0(d, "after", text, weft.After(one))
	weft.Task0(d, "ruled", text, weft.TeardownOf(), weft.When(weft.AllDone))
	weft.Task(d, "choosing", judge, one, weft.TeardownOf())
	weft.Task0(d, "plain", text, weft.TeardownFailsRun(), weft.Zip())
	weft.Task0(d, "setups", text, weft.TeardownOf(one))
	weft.Part(weft.Param(d, "part", checked{}), func(*checked) *int { return new(int) })
	weft.Task0(d, "past", text, weft.TeardownOf(), weft.DependsOnPast(), weft.WaitForDownstream(), weft.LatestOnly())
	weft.Task0(d, "late", text, weft.StopAtDeadline())
	_, err := d.Document()
	if err == nil {
		t.Fatal("there are mistakes")
	}
	for _, words := range []string{
		`document_test.go:149: DAG d has two parameters "one"`,
		`document_test.go:151: two tasks are called "twice"`,
		`task foreign: "foreign" is of another DAG, other`,
		`task equal: two inputs are called "one"; name one by .As("...")`,
		`task each: input "list" is Each of a list, which needs Expand2 or Expand3`,
		`task chosen: twice is a branch, which has no output`,
		`task broken: it is given an invalid weft.Value{}`,
		`task broken: output: func() can't be passed on as JSON`,
		`task nested: output: map[float64]int: keys of JSON are text`,
		`task after: weft.After takes tasks; "one" is none`,
		`task ruled: a teardown has a rule of its own; leave out weft.When`,
		`task choosing: a teardown can't choose what runs`,
		`task plain: weft.TeardownFailsRun is for a teardown; add weft.TeardownOf`,
		`task plain: weft.Zip is for lists, which need Expand, Expand2 or Expand3`,
		`task setups: weft.TeardownOf takes tasks; "one" is none`,
		`task past: a teardown runs whatever came of other runs; leave out weft.DependsOnPast`,
		`task past: a teardown runs whatever came of other runs; leave out weft.WaitForDownstream`,
		`task past: a teardown runs whatever came of other runs; leave out weft.LatestOnly`,
		`task late: there is no deadline at which weft.StopAtDeadline could stop; add weft.Deadline`,
		`document_test.go:163: Part of part: the function has to point to a field`,
	} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is missing in:\n%v", words, err)
		}
	}
	stopped := weft.DAG("stopped", weft.StopAtDeadline())
	weft.Task0(stopped, "text", text)
	if _, err := stopped.Document(); err == nil || !strings.Contains(err.Error(), "DAG stopped: there is no deadline") {
		t.Error(err)
	}
	closed := weft.DAG("closed", weft.Holidays("12-25"))
	weft.Task0(closed, "text", text)
	if _, err := closed.Document(); err == nil || !strings.Contains(err.Error(), "DAG closed: there is no schedule that could leave out a day") {
		t.Error(err)
	}
	never := weft.DAG("never", weft.Schedule())
	weft.Task0(never, "text", text)
	if _, err := never.Document(); err == nil || !strings.Contains(err.Error(), "DAG never: weft.Schedule takes at least one schedule") {
		t.Error(err)
	}
	if _, err := weft.DAG("empty").Document(); err == nil || !strings.Contains(err.Error(), "has no task") {
		t.Error(err)
	}
}

func TestEarlierRunsAndDeadlinesAreDescribed(t *testing.T) {
	d := weft.DAG("ledger", weft.Deadline(90*time.Minute), weft.StopAtDeadline())
	weft.Task0(d, "post", text, weft.DependsOnPast(), weft.WaitForDownstream())
	weft.Task0(d, "mail", text, weft.LatestOnly(), weft.Deadline(2*time.Hour), weft.StopAtDeadline())
	weft.Task0(d, "late", text, weft.Deadline(1500*time.Millisecond))
	dag := document(t, d)
	is(t, dag, "deadline", `5400`)
	is(t, dag, "on_missed_deadline", `"stop"`)
	is(t, dag, "tasks", `{
		"post": {"depends_on_past": true, "wait_for_downstream": true, "types": {"output": {"type": "string"}}},
		"mail": {"latest_only": true, "deadline": 7200, "on_missed_deadline": "stop", "types": {"output": {"type": "string"}}},
		"late": {"deadline": 1.5, "types": {"output": {"type": "string"}}}}`)
	plain := weft.DAG("plain")
	weft.Task0(plain, "text", text)
	dag = document(t, plain)
	is(t, dag, "deadline", `null`)
	is(t, dag, "tasks text", `{"types": {"output": {"type": "string"}}}`)
}

func TestPrioritiesAreDescribed(t *testing.T) {
	d := weft.DAG("urgent", weft.Priority(-5), weft.InheritPriority())
	loaded := weft.Task0(d, "load", text)
	weft.Task(d, "report", same[string], loaded, weft.Priority(9))
	dag := document(t, d)
	is(t, dag, "priority", `-5`)
	is(t, dag, "priority_rule", `"inherited"`)
	is(t, dag, "tasks load priority", `null`)
	is(t, dag, "tasks report priority", `9`)
	plain := weft.DAG("plain")
	weft.Task0(plain, "text", text)
	dag = document(t, plain)
	is(t, dag, "priority", `null`)
	is(t, dag, "priority_rule", `null`)
}

func TestSchedulesAndHolidaysAreDescribed(t *testing.T) {
	for _, one := range []struct {
		given   []string
		written string
	}{
		{[]string{"@daily"}, `"@daily"`},
		{[]string{"0 6 * * 1-5", "0 12 * * 6", "2026-12-24T06:00"}, `["0 6 * * 1-5", "0 12 * * 6", "2026-12-24T06:00"]`},
		{[]string{"2026-12-24"}, `["2026-12-24"]`},
	} {
		d := weft.DAG("scheduled", weft.Schedule(one.given...))
		weft.Task0(d, "text", text)
		dag := document(t, d)
		is(t, dag, "schedule", one.written)
		is(t, dag, "holidays", `null`)
	}
	d := weft.DAG("closed", weft.Schedule("@daily"), weft.Holidays("2026-12-24", "12-25"))
	weft.Task0(d, "text", text)
	is(t, document(t, d), "holidays", `["2026-12-24", "12-25"]`)
	none := weft.DAG("none", weft.Schedule("@daily"), weft.Holidays())
	weft.Task0(none, "text", text)
	is(t, document(t, none), "holidays", `[]`)
}

type tree struct {
	Name     string
	Children []tree
}

type level int

func (level) MarshalText() ([]byte, error) { return []byte("level"), nil }

type base struct {
	ID   string `json:"id"`
	Name int    `json:"name"`
}

type derived struct {
	base
	Name   string          `json:"name"`
	Data   []byte          `json:"data"`
	When   time.Time       `json:"when,omitzero"`
	Levels [2]level        `json:"levels"`
	Count  uint            `json:"count,string"`
	Any    any             `json:"any"`
	Raw    json.RawMessage `json:"raw"`
	Secret string          `json:"-"`
	hidden int
}

func TestTypesBecomeSchemas(t *testing.T) {
	for _, one := range []struct {
		schema string
		dag    func(*weft.Dag)
	}{
		{`{"$ref": "#/$defs/tree0", "$defs": {"tree0": {"type": "object", "properties": {"Name": {"type": "string"},
			"Children": {"type": "array", "items": {"$ref": "#/$defs/tree0"}}}, "required": ["Name", "Children"]}}}`, of(tree{})},
		{`{"type": "object", "properties": {"name": {"type": "string"},
			"data": {"type": "string", "contentEncoding": "base64"}, "when": {"type": "string", "format": "date-time"},
			"levels": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
			"count": {"type": "string"}, "any": {}, "raw": {}, "id": {"type": "string"}},
			"required": ["name", "data", "levels", "count", "any", "raw", "id"]}`, of(derived{hidden: 1})},
		{`{"type": "object", "additionalProperties": {"type": "array", "items": {"type": "boolean"}}}`, of(map[string][]bool{})},
		{`{"type": "object", "properties": {"$artifact": {"type": "string"}}, "required": ["$artifact"],
			"additionalProperties": false}`, of(weft.Artifact{})},
		{`{"type": "integer", "minimum": 0}`, of(uint8(1))},
		{`{"anyOf": [{"$ref": "#/$defs/tree0"}, {"type": "null"}], "$defs": {"tree0": {"type": "object", "properties":
			{"Name": {"type": "string"}, "Children": {"type": "array", "items": {"$ref": "#/$defs/tree0"}}},
			"required": ["Name", "Children"]}}}`, of((*tree)(nil))},
	} {
		d := weft.DAG("d")
		one.dag(d)
		is(t, document(t, d), "tasks same types output", one.schema)
	}
}

func of[T any](value T) func(*weft.Dag) {
	return func(d *weft.Dag) { weft.Task(d, "same", same[T], weft.Const("value", value)) }
}

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
		weft.Variables("key"), weft.Limits{Memory: "64MiB", CPU: time.Minute}, weft.Pool("db", 2))
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
		"tasks extract grants": `{"http": ["a.example.org", "b.example.org"], "variables": ["key"]}`,
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
	weft.Part(weft.Param(d, "part", checked{}), func(*checked) *int { return new(int) })
	_, err := d.Document()
	if err == nil {
		t.Fatal("there are mistakes")
	}
	for _, words := range []string{
		`document_test.go:121: DAG d has two parameters "one"`,
		`document_test.go:123: two tasks are called "twice"`,
		`task foreign: "foreign" is of another DAG, other`,
		`task equal: two inputs are called "one"; name one by .As("...")`,
		`task each: input "list" is Each of a list, which needs Expand2 or Expand3`,
		`task chosen: twice is a branch, which has no output`,
		`task broken: it is given an invalid weft.Value{}`,
		`task broken: output: func() can't be passed on as JSON`,
		`task nested: output: map[float64]int: keys of JSON are text`,
		`task after: weft.After takes tasks; "one" is none`,
		`document_test.go:131: Part of part: the function has to point to a field`,
	} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is missing in:\n%v", words, err)
		}
	}
	if _, err := weft.DAG("empty").Document(); err == nil || !strings.Contains(err.Error(), "has no task") {
		t.Error(err)
	}
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

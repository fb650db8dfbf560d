package weft_test

import (
	"strings"
	"testing"
	"time"

	"weft.dev/weft"
)

type row struct {
	ID     string  `json:"id"`
	File   string  `json:"the/file"`
	Active bool    `json:"active,omitempty"`
	Note   *string `json:"note,omitempty"`
	Deep   extent  `json:"deep"`
}

type extent struct {
	Size int `json:"size"`
}

type batch struct {
	Rows []row `json:"rows"`
}

func ids(r *row) *string    { return &r.ID }
func files(r *row) *string  { return &r.File }
func active(r *row) *bool   { return &r.Active }
func sizes(r *row) *int     { return &r.Deep.Size }
func notes(r *row) **string { return &r.Note }
func deep(r *row) *extent   { return &r.Deep }
func size(e *extent) *int   { return &e.Size }
func outside(*row) *int     { return new(int) }
func whole(r *row) *row     { return r }

func load(weft.Context, string, string) (string, error)            { return "", nil }
func loadDay(weft.Context, string, string, string) (string, error) { return "", nil }
func one[T any](weft.Context, T) (string, error)                   { return "", nil }

func TestInstancesGetPartsOfTheElementsThatAFilterLeaves(t *testing.T) {
	d := weft.DAG("parts")
	day := weft.Param(d, "day", "monday")
	list := weft.Param(d, "list", []row{})
	rows := weft.Part(weft.Task0(d, "rows", func(weft.Context) (batch, error) { return batch{}, nil }),
		func(b *batch) *[]row { return &b.Rows })
	weft.Expand(d, "parts", one[string], weft.Parts(rows, ids))
	weft.Expand(d, "filtered", one[row], weft.Filter(rows, active))
	weft.Expand(d, "both", one[int], weft.Parts(weft.Filter(list, active), sizes).As("bytes"))
	weft.Expand(d, "after", one[extent], weft.Filter(weft.Parts(list, deep), size))
	weft.Expand(d, "twice", one[int], weft.Parts(weft.Parts(list, deep), size))
	weft.Expand3(d, "zipped", loadDay, weft.Parts(list, files), weft.Each(weft.Parts(rows, ids)), day, weft.Zip())
	weft.Expand2(d, "each", load, weft.Parts(list, files), weft.Part(weft.Each(weft.Filter(rows, notes)), ids))
	weft.Expand2(d, "optional", func(weft.Context, string, *string) (string, error) { return "", nil },
		weft.Parts(list, files), weft.Optional(weft.Each(weft.Parts(list, ids))))
	weft.Expand(d, "known", one[*string], weft.Parts(weft.Const("known", []row{{ID: "a"}}), notes))
	dag := document(t, d)
	for way, expected := range map[string]string{
		"tasks parts expand":       `{"id": {"task": "rows", "pointer": "/rows", "each": "/id"}}`,
		"tasks parts types inputs": `{"id": {"type": "string"}}`,
		"tasks filtered expand":    `{"rows": {"task": "rows", "pointer": "/rows", "filter": "/active"}}`,
		"tasks both expand":        `{"bytes": {"param": "list", "each": "/deep/size", "filter": "/active"}}`,
		"tasks after expand":       `{"deep": {"param": "list", "each": "/deep", "filter": "/deep/size"}}`,
		"tasks twice expand":       `{"size": {"param": "list", "each": "/deep/size"}}`,
		"tasks zipped expand": `{"the/file": {"param": "list", "each": "/the~1file"},
			"id": {"task": "rows", "pointer": "/rows", "each": "/id"}}`,
		"tasks zipped inputs": `{"day": {"param": "day"}}`,
		"tasks each expand": `{"the/file": {"param": "list", "each": "/the~1file"},
			"id": {"task": "rows", "pointer": "/rows", "each": "/id", "filter": "/note"}}`,
		"tasks optional types inputs id": `{"type": ["string", "null"]}`,
		"tasks known expand":             `{"note": {"value": [{"id": "a", "the/file": "", "deep": {"size": 0}}], "each": "/note"}}`,
	} {
		is(t, dag, way, expected)
	}
}

func TestMistakesWithPartsOfElementsAreReported(t *testing.T) {
	d := weft.DAG("d")
	list := weft.Param(d, "list", []row{})
	weft.Task(d, "parts", one[[]string], weft.Parts(list, ids))
	weft.Task(d, "filter", one[[]row], weft.Filter(list, active))
	weft.Task(d, "each", one[string], weft.Each(weft.Parts(list, ids)))
	weft.Expand2(d, "second", func(weft.Context, string, []string) (int, error) { return 0, nil },
		weft.Parts(list, ids), weft.Parts(list, files))
	weft.Expand(d, "outside", one[int], weft.Parts(list, outside))
	weft.Expand(d, "whole", one[row], weft.Filter(list, whole))
	weft.Expand(d, "twice", one[row], weft.Filter(weft.Filter(list, active), notes))
	weft.Expand(d, "known", one[int], weft.Parts(weft.Const("known", []row{}), outside))
	weft.Task(d, "first", one[string], weft.Part(weft.Parts(list, ids), func(all *[]string) *string { return &(*all)[0] }))
	_, err := d.Document()
	if err == nil {
		t.Fatal("there are mistakes")
	}
	for _, words := range []string{
		`task parts: input "id" is Parts of a list; only Expand and MapGroup take it, and Each in Expand2 and Expand3`,
		`task filter: input "list" is Filter of a list; only Expand and MapGroup take it`,
		`task each: input "id" is Each of a list, which needs Expand2 or Expand3`,
		`task second: input "the/file" is Parts of a list`,
		`elements_test.go:85: Parts of list: the function has to point to a field`,
		`elements_test.go:86: Filter of list: the function points to no field`,
		`elements_test.go:87: Filter of list: a list has one filter`,
		`elements_test.go:88: Parts of known: the function has to point to a field`,
		`elements_test.go:89: Part of id: it is Parts of a list; only Expand and MapGroup take it`,
	} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is missing in:\n%v", words, err)
		}
	}
}

func TestOwnersRunsByKeyAndLimitsOfRatesAreDescribed(t *testing.T) {
	d := weft.DAG("exports", weft.Owners("team-a", "ada"), weft.ConcurrencyKey("{{ params.customer }}"),
		weft.MaxActiveRunsPerKey(2), weft.RateLimit(100, time.Minute))
	weft.Task0(d, "text", text)
	dag := document(t, d)
	is(t, dag, "owners", `["team-a", "ada"]`)
	is(t, dag, "concurrency_key", `"{{ params.customer }}"`)
	is(t, dag, "max_active_runs_per_key", `2`)
	is(t, dag, "rate_limit", `{"runs": 100, "per": 60}`)
	plain := weft.DAG("plain", weft.Owners(), weft.ConcurrencyKey("all"), weft.RateLimit(1, 1500*time.Millisecond))
	weft.Task0(plain, "text", text)
	dag = document(t, plain)
	is(t, dag, "owners", `[]`)
	is(t, dag, "max_active_runs_per_key", `null`)
	is(t, dag, "rate_limit", `{"runs": 1, "per": 1.5}`)
	for words, option := range map[string]weft.DAGOption{
		"weft.MaxActiveRunsPerKey counts runs by their key; add weft.ConcurrencyKey":        weft.MaxActiveRunsPerKey(2),
		"weft.MaxActiveRunsPerKey takes a number of at least 1, not 0":                      weft.MaxActiveRunsPerKey(0),
		`weft.ConcurrencyKey takes a template such as "{{ params.customer }}"`:              weft.ConcurrencyKey(""),
		"weft.RateLimit takes a number of runs and a span, both above zero, not 0 and 1m0s": weft.RateLimit(0, time.Minute),
		"weft.RateLimit takes a number of runs and a span, both above zero, not 1 and 0s":   weft.RateLimit(1, 0),
	} {
		wrong := weft.DAG("wrong", option)
		weft.Task0(wrong, "text", text)
		if _, err := wrong.Document(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, and should say %q", err, words)
		}
	}
}

package weft_test

import (
	"strings"
	"testing"

	"weft.dev/weft"
)

type item struct {
	Path string `json:"path"`
	Size int    `json:"size,omitempty"`
}

func paths(f *item) *string   { return &f.Path }
func itemSize(f *item) *int   { return &f.Size }
func firsts(p *first) *string { return &p.Rows }

type first struct {
	Rows string `json:"rows"`
}

func fetch(weft.Context, string, string) (first, error) { return first{}, nil }
func store(weft.Context, string, int) (int, error)      { return 0, nil }
func loadItem(d *weft.Dag, file weft.Value[item]) weft.Value[int] {
	day := weft.Const("day", "monday")
	fetched := weft.Task2(d, "fetch", fetch, weft.Part(file, paths), day, weft.MaxActive(2))
	return weft.Task2(d, "store", store, weft.Part(fetched, firsts), weft.Part(file, itemSize).As("bytes"))
}

func TestAMappedGroupIsDescribed(t *testing.T) {
	d := weft.DAG("groups")
	before := weft.Task0(d, "before", text)
	files := weft.Task0(d, "files", func(weft.Context) ([]item, error) { return nil, nil })
	stored := weft.MapGroup(d, "load", files.As("file"), loadItem)
	weft.Task(d, "sum", func(weft.Context, []int) (int, error) { return 0, nil }, stored)
	weft.Expand(d, "each", once, stored.As("count"))
	rows := weft.Param(d, "rows", []row{})
	weft.MapGroup2(d, "zipped", weft.Parts(weft.Filter(rows, active), ids), weft.Const("number", []int{1, 2}),
		func(d *weft.Dag, id weft.Value[string], number weft.Value[int]) weft.Value[weft.None] {
			made := weft.Task(d, "make", same[string], id, weft.After(before))
			weft.Task(d, "undo", same[*string], weft.Optional(made), weft.TeardownOf(made))
			return weft.Task2(d, "join", func(weft.Context, int, string) (weft.None, error) { return weft.None{}, nil }, number, made)
		}, weft.Zip())
	weft.MapGroup3(d, "all", stored, weft.Const("a", []int{1}), weft.Const("b", []string{"b"}),
		func(d *weft.Dag, count, a weft.Value[int], b weft.Value[string]) weft.Value[int] {
			weft.Task(d, "b", same[string], b)
			return weft.Task2(d, "pair", pair, count, a)
		})
	dag := document(t, d)
	for way, expected := range map[string]string{
		"groups": `{
			"load": {"expand": {"file": {"task": "files"}}},
			"zipped": {"expand": {"id": {"param": "rows", "each": "/id", "filter": "/active"}, "number": {"value": [1, 2]}}, "zip": true},
			"all": {"expand": {"store": {"task": "load.store"}, "a": {"value": [1]}, "b": {"value": ["b"]}}}}`,
		"tasks load.fetch inputs":     `{"path": {"element": "file", "pointer": "/path"}, "day": {"value": "monday"}}`,
		"tasks load.fetch max_active": `2`, "tasks load.fetch expand": `null`, "tasks load.fetch task": `null`,
		"tasks load.store inputs": `{"rows": {"task": "load.fetch", "pointer": "/rows"}, "bytes": {"element": "file", "pointer": "/size"}}`,
		"tasks load.store types":  `{"inputs": {"rows": {"type": "string"}, "bytes": {"type": "integer"}}, "output": {"type": "integer"}}`,
		"tasks sum inputs":        `{"store": {"task": "load.store"}}`,
		"tasks sum types inputs":  `{"store": {"type": "array", "items": {"type": "integer"}}}`,
		"tasks each expand":       `{"count": {"task": "load.store"}}`,
		"tasks zipped.make after": `["before"]`, "tasks zipped.make inputs": `{"id": {"element": "id"}}`,
		"tasks zipped.undo teardown_of": `["zipped.make"]`,
		"tasks zipped.join inputs":      `{"number": {"element": "number"}, "make": {"task": "zipped.make"}}`,
		"tasks all.pair inputs":         `{"store": {"element": "store"}, "a": {"element": "a"}}`,
	} {
		is(t, dag, way, expected)
	}
}

func TestMistakesWithMappedGroupsAreReported(t *testing.T) {
	d, other := weft.DAG("d"), weft.DAG("other")
	one := weft.Param(d, "one", 1)
	list := weft.Param(d, "list", []int{})
	foreign := weft.Param(other, "foreign", []int{})
	matrix := weft.Param(d, "matrix", [][]int{})
	plain := weft.Task(d, "plain", once, one)
	weft.Task(d, "load.other", once, one)
	var leaked, output weft.Value[int]
	weft.MapGroup(d, "load", list, func(d *weft.Dag, number weft.Value[int]) weft.Value[int] {
		leaked, output = number, weft.Task(d, "once", once, number)
		weft.Task(d, "once", once, number)
		weft.Task(d, "judge", judge, number)
		weft.Expand(d, "expand", once, list)
		weft.MapGroup(d, "inner", list, func(d *weft.Dag, number weft.Value[int]) weft.Value[int] {
			return weft.Task(d, "once", once, number)
		})
		return output
	})
	weft.Task(d, "leaked", once, leaked)
	weft.Task(d, "output", once, output)
	weft.Task(d, "after", once, one, weft.After(leaked))
	single := func(id string) func(*weft.Dag, weft.Value[int]) weft.Value[int] {
		return func(d *weft.Dag, number weft.Value[int]) weft.Value[int] { return weft.Task(d, id, once, number) }
	}
	weft.MapGroup(d, "load", list, single("again"))
	weft.MapGroup(d, "load.more", list, single("again"))
	weft.MapGroup(d, "empty", list, func(_ *weft.Dag, number weft.Value[int]) weft.Value[int] { return number })
	weft.MapGroup(d, "element", list, func(d *weft.Dag, number weft.Value[int]) weft.Value[int] {
		weft.Task(d, "once", once, number)
		return number
	})
	weft.MapGroup(d, "elsewhere", list, func(d *weft.Dag, number weft.Value[int]) weft.Value[int] {
		weft.Task(d, "once", once, number)
		return plain
	})
	weft.MapGroup(d, "part", list, func(d *weft.Dag, number weft.Value[int]) weft.Value[string] {
		made := weft.Task(d, "row", func(weft.Context, int) (row, error) { return row{}, nil }, number)
		return weft.Part(made, ids)
	})
	weft.MapGroup(d, "foreign", foreign, single("once"))
	weft.MapGroup(d, "none", weft.Value[[]int]{}, single("once"))
	weft.MapGroup(d, "each", weft.Each(matrix), single("once"))
	var lists weft.Value[[]int]
	weft.MapGroup(d, "matrix", matrix, func(d *weft.Dag, row weft.Value[[]int]) weft.Value[[]int] {
		lists = row
		return weft.Task(d, "row", same[[]int], row)
	})
	weft.MapGroup(d, "lists", lists, single("once"))
	weft.MapGroup2(d, "twice", list, list, func(d *weft.Dag, a, b weft.Value[int]) weft.Value[int] {
		return weft.Task2(d, "pair", pair, a, b.As("b"))
	})
	weft.MapGroup(d, "wrong", weft.Const("wrong", []func(){nil}), func(d *weft.Dag, f weft.Value[func()]) weft.Value[int] {
		return weft.Task(d, "once", once, one)
	})
	_, err := d.Document()
	if err == nil {
		t.Fatal("there are mistakes")
	}
	for _, words := range []string{
		`group_test.go:79: task load.other: it is in the mapped group load by its id; add it in the group's function, or give it another id`,
		`group_test.go:83: two tasks are called "load.once"`,
		`task load.judge is a branch, which can't be mapped`,
		`task load.expand: it is mapped with its group load, and not by itself; add it by Task, or outside of the group`,
		`group_test.go:86: the mapped group inner is within the mapped group load; map one of the two`,
		`task leaked: "list" is an element of a list of the mapped group load, and known only within it`,
		`task output: "once" is known only within the mapped group load; outside of it there is the list that MapGroup returns`,
		`task after: weft.After takes tasks; "list" is none`,
		`group_test.go:97: two mapped groups are called "load"`,
		`group_test.go:98: the mapped group load.more is within the mapped group load`,
		`group_test.go:99: mapped group empty: it has no task; add one in its function`,
		`mapped group element: its function has to return the whole output of one of its tasks`,
		`mapped group elsewhere: its function has to return the whole output of one of its tasks`,
		`mapped group part: its function has to return the whole output of one of its tasks`,
		`mapped group foreign: "foreign" is of another DAG, other`,
		`mapped group none: it is given an invalid weft.Value{}`,
		`mapped group each: the list "matrix" is Each of a list; give it the list itself`,
		`mapped group lists: "matrix" is an element of a list of the mapped group matrix, and known only within it`,
		`mapped group twice: two lists are called "list"; name one by .As("...")`,
		`mapped group wrong: input "wrong": `,
	} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is missing in:\n%v", words, err)
		}
	}
}

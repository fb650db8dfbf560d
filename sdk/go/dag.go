package weft

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Dag is a DAG under construction. Mistakes are collected and reported together, with the author's
// file and line, when the document is made.
type Dag struct {
	id       string
	at       place
	settings object
	params   []*param
	nodes    []*node
	groups   []*group
	// The mapped group whose function is running.
	group    *group
	problems []error
}

type param struct {
	name        string
	description string
	required    bool
	fallback    any
	typ         reflect.Type
	at          place
}

// DAG begins a DAG. Ids are letters, digits, '_', '-' and '.'.
func DAG(id string, settings ...DAGOption) *Dag {
	d := &Dag{id: id, at: here()}
	for _, setting := range settings {
		setting.onDAG(d)
	}
	if d.settings.get("on_missed_deadline") != nil && d.settings.get("deadline") == nil {
		d.problem(d.at, "DAG %s: %s", id, noDeadline)
	}
	if several, ok := d.settings.get("schedule").([]string); ok && len(several) == 0 {
		d.problem(d.at, "DAG %s: weft.Schedule takes at least one schedule", id)
	}
	if days, _ := d.settings.get("holidays").([]string); len(days) > 0 && d.settings.get("schedule") == nil {
		d.problem(d.at, "DAG %s: there is no schedule that could leave out a day; add weft.Schedule", id)
	}
	if most, limited := d.settings.get("max_active_runs_per_key").(int); limited && most < 1 {
		d.problem(d.at, "DAG %s: weft.MaxActiveRunsPerKey takes a number of at least 1, not %d", id, most)
	}
	if key := d.settings.get("concurrency_key"); key == "" {
		d.problem(d.at, "DAG %s: weft.ConcurrencyKey takes a template such as \"{{ params.customer }}\"", id)
	} else if key == nil && d.settings.get("max_active_runs_per_key") != nil {
		d.problem(d.at, "DAG %s: weft.MaxActiveRunsPerKey counts runs by their key; add weft.ConcurrencyKey", id)
	}
	return d
}

// ID is the DAG's name.
func (d *Dag) ID() string { return d.id }

func (d *Dag) problem(at place, format string, args ...any) {
	d.problems = append(d.problems, fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...)))
}

// Value is a placeholder for a value of type T that exists only in a run: a task's output, a
// parameter of the run, a constant, or a part of one of them.
type Value[T any] struct{ from *source }

// source is where an input comes from.
type source struct {
	dag      *Dag
	node     *node
	param    string
	constant any
	pointer  string
	// The mapped group of whose lists it is an element, which list that is, and whether instances get parts of it.
	group   *group
	element string
	ofPart  bool
	// Whether it is the list of outputs of a task in a mapped group, as it is outside of the group.
	listed bool
	// The name of an input that takes this value.
	name string
	// Whether each element makes an instance of its own.
	each bool
	// JSON pointers within each element: of the part that an instance gets, and of the part by which elements are
	// left out.
	part, filter string
	// What is wrong with a value that no DAG was known of.
	mistake error
}

// problem reports a mistake: to the DAG, or, of a constant, to that of the task that takes it.
func (s *source) problem(at place, format string, args ...any) {
	if s.dag != nil {
		s.dag.problem(at, format, args...)
	} else if s.mistake == nil {
		s.mistake = fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...))
	}
}

const forMapping = "only Expand and MapGroup take it, and Each in Expand2 and Expand3"

// picks names the function that made it a list of which instances get parts, or not all elements.
func (s *source) picks() string {
	switch {
	case s.part != "":
		return "Parts"
	case s.filter != "":
		return "Filter"
	}
	return ""
}

// Upstream is whatever a task can wait for: a [Value], which is of some task.
type Upstream interface{ upstream() *source }

func (v Value[T]) upstream() *source { return v.from }

// As names the input that takes the value. Without it the input has the name of the parameter or the task
// that gives the value; tasks of other languages, and `wfctl run --input`, know it by this name.
func (v Value[T]) As(name string) Value[T] {
	named := v.source()
	named.name = name
	return Value[T]{&named}
}

// source is a copy; the zero Value, which no function here makes, is invalid.
func (v Value[T]) source() source {
	if v.from == nil {
		return source{}
	}
	return *v.from
}

// Param is a parameter of the run that has a default, from which its type is inferred.
func Param[T any](d *Dag, name string, fallback T, settings ...ParamOption) Value[T] {
	return addParam[T](d, &param{name: name, fallback: fallback}, settings)
}

// Required is a parameter that must be given: weft.Required[string](d, "table").
func Required[T any](d *Dag, name string, settings ...ParamOption) Value[T] {
	return addParam[T](d, &param{name: name, required: true}, settings)
}

func addParam[T any](d *Dag, p *param, settings []ParamOption) Value[T] {
	p.typ, p.at = reflect.TypeFor[T](), here()
	for _, setting := range settings {
		setting.onParam(p)
	}
	if slices.ContainsFunc(d.params, func(other *param) bool { return other.name == p.name }) {
		d.problem(p.at, "DAG %s has two parameters %q", d.id, p.name)
	}
	d.params = append(d.params, p)
	return Value[T]{&source{dag: d, param: p.name, name: p.name}}
}

// Const is a value that is known already; the name is the input's.
func Const[T any](name string, value T) Value[T] {
	return Value[T]{&source{constant: constant{value}, name: name}}
}

// constant tells a constant nil from none.
type constant struct{ value any }

// Optional is the same value for a task that runs even where the one that gives it was skipped: then the
// pointer is nil.
func Optional[T any](v Value[T]) Value[*T] {
	same := v.source()
	return Value[*T]{&same}
}

// Each is a list of which each element makes an instance of its own, beside the list that [Expand2] or
// [Expand3] goes over: one instance for each combination.
func Each[T any](list Value[[]T]) Value[T] {
	each := list.source()
	each.each = true
	return Value[T]{&each}
}

// Part is a field of a value, by a function that points to it; of [Each] of a list, a field of each element.
//
//	quakes := weft.Part(checked, func(c *Checked) *[]Quake { return &c.Quakes })
func Part[T, P any](v Value[T], field func(*T) *P) Value[P] {
	part := v.source()
	at := here()
	pointer, name, err := pointed(field)
	switch {
	case part.picks() != "" && !part.each:
		part.problem(at, "Part of %s: it is %s of a list; %s", part.name, part.picks(), forMapping)
	case part.dag == nil && !part.each:
		known := part.constant.(constant).value.(T)
		part.constant, part.name = constant{*field(&known)}, name
	case err != nil:
		part.problem(at, "Part of %s: %w", part.name, err)
	case part.each:
		part.part += pointer
		part.name = name
	default:
		part.pointer += pointer
		part.name = name
	}
	return Value[P]{&part}
}

// Parts is a field of each element of a list that a task is mapped over, by a function that points to it, as [Part] takes
// one. An instance whose element has no such part gets the zero value.
//
//	weft.Expand(d, "load", load, weft.Parts(rows, func(r *Row) *string { return &r.ID }))
func Parts[T, P any](list Value[[]T], field func(*T) *P) Value[[]P] {
	parts := list.source()
	at := here()
	pointer, name, err := pointed(field)
	if err != nil {
		parts.problem(at, "Parts of %s: %w", parts.name, err)
	} else {
		parts.part += pointer
		parts.name = name
	}
	return Value[[]P]{&parts}
}

// Filter is a list that a task is mapped over, of which only those elements make an instance whose field, by a function
// that points to it, is neither missing nor null nor false.
//
//	weft.Expand(d, "load", load, weft.Filter(rows, func(r *Row) *bool { return &r.Active }))
func Filter[T, P any](list Value[[]T], field func(*T) *P) Value[[]T] {
	filtered := list.source()
	at := here()
	pointer, _, err := pointed(field)
	switch {
	case err != nil:
		filtered.problem(at, "Filter of %s: %w", filtered.name, err)
	case filtered.filter != "":
		filtered.problem(at, "Filter of %s: a list has one filter", filtered.name)
	default:
		filtered.filter = filtered.part + pointer
	}
	return Value[[]T]{&filtered}
}

// Document is the DAG's document as `wfctl build` makes it, alone. It fails with every mistake that was
// made while the DAG was put together: tests call it.
func (d *Dag) Document() ([]byte, error) {
	return describe([]*Dag{d})
}

var errNoDAG = errors.New("the program names no DAG: call weft.Main(...) with them in main()")

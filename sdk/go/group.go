package weft

import (
	"fmt"
	"slices"
	"strings"
)

// GroupOption is a setting of a mapped group.
type GroupOption interface{ onGroup(*group) }

// group is a mapped group of tasks.
type group struct {
	dag   *Dag
	name  string
	at    place
	lists []input
	zip   bool
}

// MapGroup maps several tasks together over a list: all that the function adds to the DAG, which it is given again.
// Each has one instance for each element, and gets the outputs of the others' instances of the same index. Their ids
// get the group's name and a dot in front. Its value is the list of what the returned task returns.
//
//	weft.MapGroup(d, "load", files, func(d *weft.Dag, file weft.Value[string]) weft.Value[Count] {
//		rows := weft.Task(d, "fetch", fetch, file)
//		return weft.Task(d, "store", store, rows)
//	})
//
// A [Part] that an element does not have is the zero value.
func MapGroup[A, O any](d *Dag, name string, list Value[[]A], tasks func(*Dag, Value[A]) Value[O], settings ...GroupOption) Value[[]O] {
	g := newGroup(d, name, settings, over(list))
	return within(g, func() Value[O] { return tasks(d, element[A](g, 0)) })
}

// MapGroup2 is [MapGroup] over two lists: one instance for each combination, or, with [Zip], for each position.
func MapGroup2[A, B, O any](d *Dag, name string, list Value[[]A], other Value[[]B], tasks func(*Dag, Value[A], Value[B]) Value[O], settings ...GroupOption) Value[[]O] {
	g := newGroup(d, name, settings, over(list), over(other))
	return within(g, func() Value[O] { return tasks(d, element[A](g, 0), element[B](g, 1)) })
}

// MapGroup3 is [MapGroup2] over three lists.
func MapGroup3[A, B, C, O any](d *Dag, name string, list Value[[]A], other Value[[]B], third Value[[]C], tasks func(*Dag, Value[A], Value[B], Value[C]) Value[O], settings ...GroupOption) Value[[]O] {
	g := newGroup(d, name, settings, over(list), over(other), over(third))
	return within(g, func() Value[O] { return tasks(d, element[A](g, 0), element[B](g, 1), element[C](g, 2)) })
}

func newGroup(d *Dag, name string, settings []GroupOption, lists ...input) *group {
	g := &group{dag: d, name: name, at: here()}
	for _, setting := range settings {
		setting.onGroup(g)
	}
	if d.group != nil {
		g.nested(name, d.group.name)
	}
	for _, other := range d.groups {
		switch {
		case name == other.name:
			d.problem(g.at, "two mapped groups are called %q", name)
		case strings.HasPrefix(name, other.name+"."):
			g.nested(name, other.name)
		case strings.HasPrefix(other.name, name+"."):
			g.nested(other.name, name)
		}
	}
	for _, list := range lists {
		g.lists = append(g.lists, g.checked(list))
	}
	d.groups = append(d.groups, g)
	return g
}

func (g *group) problem(format string, args ...any) {
	g.dag.problem(g.at, "mapped group "+g.name+": "+format, args...)
}

func (g *group) nested(inner, outer string) {
	g.dag.problem(g.at, "the mapped group %s is within the mapped group %s; map one of the two, and let a task of the "+
		"group call another DAG for each element of an inner list", inner, outer)
}

// checked reports a list that the group can't be mapped over, and names it.
func (g *group) checked(list input) input {
	from := list.from
	if from == nil {
		g.problem("it is given an invalid weft.Value{}")
		return list
	}
	list.name = from.name
	if from.dag != nil && from.dag != g.dag {
		g.problem("%q is of another DAG, %s", from.name, from.dag.id)
	}
	if from.mistake != nil {
		g.dag.problems = append(g.dag.problems, from.mistake)
	}
	if from.each {
		g.problem("the list %q is Each of a list; give it the list itself", from.name)
	}
	if from.node != nil && from.node.branches {
		g.problem("%s is a branch, which has no output", from.node.id)
	}
	if words := from.outside(nil); words != "" {
		g.problem("%s", words)
	}
	if slices.ContainsFunc(g.lists, func(other input) bool { return other.name == list.name }) {
		g.problem("two lists are called %q; name one by .As(\"...\")", list.name)
	}
	return list
}

// outside says that a value is not known in this mapped group, or, with none, outside of all.
func (s *source) outside(g *group) string {
	of := s.group
	if s.node != nil && !s.listed {
		of = s.node.group
	}
	switch {
	case of == nil || of == g:
		return ""
	case s.node != nil:
		return fmt.Sprintf("%q is known only within the mapped group %s; outside of it there is the list that MapGroup returns", s.name, of.name)
	}
	return fmt.Sprintf("%q is an element of a list of the mapped group %s, and known only within it", s.name, of.name)
}

// mayLack says whether it is a part of an element, which the element may lack.
func (s *source) mayLack() bool {
	return s.part != "" || s.group != nil && (s.ofPart || s.pointer != "")
}

func element[T any](g *group, at int) Value[T] {
	list := g.lists[at]
	ofPart := list.from != nil && list.from.part != ""
	return Value[T]{&source{dag: g.dag, group: g, name: list.name, element: list.name, ofPart: ofPart}}
}

// within calls the group's function, whose tasks are in the group, and returns the list of outputs.
func within[O any](g *group, tasks func() Value[O]) Value[[]O] {
	d := g.dag
	outer, before := d.group, len(d.nodes)
	d.group = g
	returned := tasks().source()
	d.group = outer
	n := returned.node
	switch {
	case len(d.nodes) == before:
		g.problem("it has no task; add one in its function")
	case n == nil || n.group != g || returned.pointer != "" || returned.each || returned.picks() != "":
		g.problem("its function has to return the whole output of one of its tasks")
	}
	return Value[[]O]{&source{dag: d, node: n, name: returned.name, listed: true}}
}

// checkGroup reports a task that would be mapped with a group by its id alone.
func (n *node) checkGroup() {
	if n.group != nil {
		return
	}
	for _, g := range n.dag.groups {
		if strings.HasPrefix(n.id, g.name+".") {
			n.problem("it is in the mapped group %s by its id; add it in the group's function, or give it another id", g.name)
			return
		}
	}
}

func (g *group) describe() object {
	var expand object
	for _, list := range g.lists {
		expand.set(list.name, list.binding(g.problem))
	}
	described := object{{"expand", expand}}
	if g.zip {
		described.set("zip", true)
	}
	return described
}

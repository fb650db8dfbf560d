package weft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// contract is its name and version.
const contract = "weft.dag/1"

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	name  string
	value any
}

func (o *object) set(name string, value any) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

func (o object) get(name string) any {
	for _, member := range o {
		if member.name == name {
			return member.value
		}
	}
	return nil
}

func (o object) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, member := range o {
		if i > 0 {
			text.WriteByte(',')
		}
		name, err := json.Marshal(member.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(member.value)
		if err != nil {
			return nil, err
		}
		text.Write(name)
		text.WriteByte(':')
		text.Write(value)
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// names gives every task the name that it has in its component: its id, or, where two DAGs have tasks of one
// id, its DAG's id too.
func names(dags []*Dag) map[string]*node {
	uses := map[string]int{}
	for _, d := range dags {
		for _, n := range d.nodes {
			uses[n.id]++
		}
	}
	found := map[string]*node{}
	for _, d := range dags {
		for _, n := range d.nodes {
			name := n.id
			if uses[name] > 1 {
				name = d.id + "/" + n.id
			}
			found[name] = n
		}
	}
	return found
}

// describe is the document of a program's DAGs.
func describe(dags []*Dag) ([]byte, error) {
	if len(dags) == 0 {
		return nil, errNoDAG
	}
	var problems []error
	known := map[string]bool{}
	named := map[*node]string{}
	for name, n := range names(dags) {
		named[n] = name
	}
	var all []any
	for _, d := range dags {
		if known[d.id] {
			d.problem(d.at, "two DAGs are called %q", d.id)
		}
		known[d.id] = true
		if len(d.nodes) == 0 {
			d.problem(d.at, "DAG %s has no task", d.id)
		}
		all = append(all, d.describe(named))
		problems = append(problems, d.problems...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	text, err := json.Marshal(object{{"contract", contract}, {"dags", all}})
	if err != nil {
		return nil, fmt.Errorf("the document can't be written: %w", err)
	}
	return text, nil
}

func (d *Dag) describe(named map[*node]string) object {
	described := append(object{{"id", d.id}}, d.settings...)
	if len(d.params) > 0 {
		var params object
		for _, p := range d.params {
			params.set(p.name, d.param(p))
		}
		described.set("params", params)
	}
	if len(d.groups) > 0 {
		var groups object
		for _, g := range d.groups {
			groups.set(g.name, g.describe())
		}
		described.set("groups", groups)
	}
	var tasks object
	for _, n := range d.nodes {
		n.checkGroup()
		tasks.set(n.id, n.describe(named[n]))
	}
	described.set("tasks", tasks)
	return described
}

func (d *Dag) param(p *param) object {
	var described object
	schema, err := schemaOf(p.typ)
	if err != nil {
		d.problem(p.at, "parameter %q: %w", p.name, err)
	}
	described.set("schema", schema)
	if !p.required {
		fallback, err := encode(reflect.ValueOf(&p.fallback).Elem())
		if err != nil {
			d.problem(p.at, "parameter %q: %w", p.name, err)
		}
		described.set("default", json.RawMessage(fallback))
	}
	if p.description != "" {
		described.set("description", p.description)
	}
	return described
}

func (n *node) describe(name string) object {
	described := append(object(nil), n.settings...)
	if name != n.id {
		described.set("task", name)
	}
	var inputs, expand, types, taken object
	for _, in := range n.inputs {
		bound := &inputs
		if in.mapped {
			bound = &expand
		}
		bound.set(in.name, in.binding(n.problem))
		if schema := n.schema(in.typ, "input "+in.name); schema != nil {
			taken.set(in.name, schema)
		}
	}
	if len(taken) > 0 {
		types.set("inputs", taken)
	}
	if !n.branches {
		if schema := n.schema(n.output, "output"); schema != nil {
			types.set("output", schema)
		}
	}
	for _, part := range []member{{"inputs", inputs}, {"expand", expand}, {"types", types}} {
		if len(part.value.(object)) > 0 {
			described.set(part.name, part.value)
		}
	}
	if len(n.after) > 0 {
		described.set("after", ids(n.after))
	}
	if n.teardown {
		described.set("teardown_of", ids(n.setups))
	}
	return described
}

func ids(nodes []*node) []string {
	ids := make([]string, 0, len(nodes))
	for _, n := range nodes {
		ids = append(ids, n.id)
	}
	return ids
}

func (n *node) schema(t reflect.Type, what string) any {
	schema, err := schemaOf(t)
	if err != nil {
		n.problem("%s: %w", what, err)
		return nil
	}
	return schema
}

// binding is where an input comes from.
func (in input) binding(problem func(format string, args ...any)) any {
	var bound object
	switch from := in.from; {
	case from == nil:
		return nil
	case from.group != nil:
		bound.set("element", from.element)
	case from.node != nil:
		bound.set("task", from.node.id)
	case from.constant != nil:
		known := from.constant.(constant).value
		value, err := encode(reflect.ValueOf(&known).Elem())
		if err != nil {
			problem("input %q: %w", in.name, err)
		}
		bound.set("value", value)
	default:
		bound.set("param", from.param)
	}
	for _, pointer := range []member{{"pointer", in.from.pointer}, {"each", in.from.part}, {"filter", in.from.filter}} {
		if pointer.value != "" {
			bound.set(pointer.name, pointer.value)
		}
	}
	return bound
}

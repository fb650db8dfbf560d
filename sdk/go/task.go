package weft

import (
	"reflect"
	"slices"
)

// None is what a task returns that has no output.
type None = struct{}

// Choice is what a branch returns: the direct downstream tasks that run. A task whose function returns one is a
// branch.
type Choice struct{ tasks []string }

// Choose names tasks by their ids; none of them where no downstream shall go on.
func Choose(ids ...string) Choice { return Choice{ids} }

// node is a task of a DAG.
type node struct {
	dag      *Dag
	id       string
	at       place
	settings object
	inputs   []input
	after    []*node
	// Whether it is a teardown, and of which tasks.
	teardown bool
	setups   []*node
	upstream []*node
	// In the order in which they came to be.
	downstream []*node
	// The author's function, for its source position.
	function any
	call     func(Context, []any) (any, error)
	output   reflect.Type
	branches bool
	mapped   bool
	// The group that it is mapped with.
	group *group
}

type input struct {
	name string
	typ  reflect.Type
	from *source
	// Whether each element makes an instance of its own.
	mapped bool
}

func take[T any](value Value[T]) input {
	return input{typ: reflect.TypeFor[T](), from: value.from}
}

func over[T any](list Value[[]T]) input {
	return input{typ: reflect.TypeFor[T](), from: list.from, mapped: true}
}

// Task0 adds a task without inputs.
func Task0[O any](d *Dag, id string, run func(Context) (O, error), settings ...TaskOption) Value[O] {
	return add[O](d, id, run, settings, false, func(ctx Context, _ []any) (any, error) {
		return run(ctx)
	})
}

// Task adds a task with one input.
func Task[A, O any](d *Dag, id string, run func(Context, A) (O, error), a Value[A], settings ...TaskOption) Value[O] {
	return add[O](d, id, run, settings, false, one(run), take(a))
}

// Task2 adds a task with two inputs.
func Task2[A, B, O any](d *Dag, id string, run func(Context, A, B) (O, error), a Value[A], b Value[B], settings ...TaskOption) Value[O] {
	return add[O](d, id, run, settings, false, two(run), take(a), take(b))
}

// Task3 adds a task with three inputs. A task with more takes a struct.
func Task3[A, B, C, O any](d *Dag, id string, run func(Context, A, B, C) (O, error), a Value[A], b Value[B], c Value[C], settings ...TaskOption) Value[O] {
	return add[O](d, id, run, settings, false, three(run), take(a), take(b), take(c))
}

// Task4 adds a task with four inputs.
func Task4[A, B, C, D, O any](d *Dag, id string, run func(Context, A, B, C, D) (O, error), a Value[A], b Value[B], c Value[C], e Value[D], settings ...TaskOption) Value[O] {
	call := func(ctx Context, in []any) (any, error) {
		return run(ctx, as[A](in[0]), as[B](in[1]), as[C](in[2]), as[D](in[3]))
	}
	return add[O](d, id, run, settings, false, call, take(a), take(b), take(c), take(e))
}

// Expand adds a task with one instance for each element of a list; its value is the list of what they return.
func Expand[A, O any](d *Dag, id string, run func(Context, A) (O, error), list Value[[]A], settings ...TaskOption) Value[[]O] {
	return Value[[]O](add[O](d, id, run, settings, true, one(run), over(list)))
}

// Expand2 is [Expand] with an input that is the same for all instances, or another list by [Each].
func Expand2[A, B, O any](d *Dag, id string, run func(Context, A, B) (O, error), list Value[[]A], b Value[B], settings ...TaskOption) Value[[]O] {
	return Value[[]O](add[O](d, id, run, settings, true, two(run), over(list), take(b)))
}

// Expand3 is [Expand] with two inputs that are the same for all instances, or other lists by [Each].
func Expand3[A, B, C, O any](d *Dag, id string, run func(Context, A, B, C) (O, error), list Value[[]A], b Value[B], c Value[C], settings ...TaskOption) Value[[]O] {
	return Value[[]O](add[O](d, id, run, settings, true, three(run), over(list), take(b), take(c)))
}

// as is an input as the function takes it; attempts hand on pointers to what they read.
func as[T any](given any) T { return *given.(*T) }

func one[A, O any](run func(Context, A) (O, error)) func(Context, []any) (any, error) {
	return func(ctx Context, in []any) (any, error) { return run(ctx, as[A](in[0])) }
}

func two[A, B, O any](run func(Context, A, B) (O, error)) func(Context, []any) (any, error) {
	return func(ctx Context, in []any) (any, error) { return run(ctx, as[A](in[0]), as[B](in[1])) }
}

func three[A, B, C, O any](run func(Context, A, B, C) (O, error)) func(Context, []any) (any, error) {
	return func(ctx Context, in []any) (any, error) {
		return run(ctx, as[A](in[0]), as[B](in[1]), as[C](in[2]))
	}
}

func add[O any](
	d *Dag, id string, function any, settings []TaskOption, mapped bool,
	call func(Context, []any) (any, error), inputs ...input,
) Value[O] {
	n := &node{
		dag: d, id: id, at: here(), function: function, call: call, mapped: mapped, group: d.group,
		output: reflect.TypeFor[O](), branches: reflect.TypeFor[O]() == reflect.TypeFor[Choice](),
	}
	if n.group != nil {
		n.id = n.group.name + "." + id
	}
	if d.find(n.id) != nil {
		d.problem(n.at, "two tasks are called %q", n.id)
	}
	if n.branches {
		n.settings.set("branch", true)
		if mapped || n.group != nil {
			d.problem(n.at, "task %s is a branch, which can't be mapped", n.id)
		}
	}
	if n.group != nil {
		if mapped {
			n.problem("it is mapped with its group %s, and not by itself; add it by Task, or outside of the group", n.group.name)
		}
		for _, list := range n.group.lists {
			if list.from != nil && list.from.node != nil {
				n.dependsOn(list.from.node)
			}
		}
	}
	for _, in := range inputs {
		n.bind(in)
	}
	for _, setting := range settings {
		setting.onTask(n)
	}
	n.check()
	d.nodes = append(d.nodes, n)
	return Value[O]{&source{dag: d, node: n, name: id}}
}

func (d *Dag) find(id string) *node {
	at := slices.IndexFunc(d.nodes, func(n *node) bool { return n.id == id })
	if at < 0 {
		return nil
	}
	return d.nodes[at]
}

func (n *node) problem(format string, args ...any) {
	n.dag.problem(n.at, "task "+n.id+": "+format, args...)
}

func (n *node) bind(in input) {
	if !n.known(in.from) {
		return
	}
	in.name = in.from.name
	if in.from.mistake != nil {
		n.dag.problems = append(n.dag.problems, in.from.mistake)
	}
	if picks := in.from.picks(); picks != "" && !in.mapped && !in.from.each {
		n.problem("input %q is %s of a list; %s", in.name, picks, forMapping)
	}
	if in.from.each {
		if !n.mapped {
			n.problem("input %q is Each of a list, which needs Expand2 or Expand3", in.name)
		}
		in.mapped = true
	}
	if slices.ContainsFunc(n.inputs, func(other input) bool { return other.name == in.name }) {
		n.problem("two inputs are called %q; name one by .As(\"...\")", in.name)
	}
	if words := in.from.outside(n.group); words != "" {
		n.problem("%s", words)
	}
	if from := in.from.node; from != nil {
		if from.branches {
			n.problem("%s is a branch, which has no output; wait for it with weft.After", from.id)
		}
		n.dependsOn(from)
	}
	n.inputs = append(n.inputs, in)
}

// known is false for what is of another DAG, or of none.
func (n *node) known(from *source) bool {
	switch {
	case from == nil:
		n.problem("it is given an invalid weft.Value{}")
	case from.dag != nil && from.dag != n.dag:
		n.problem("%q is of another DAG, %s", from.name, from.dag.id)
	default:
		return true
	}
	return false
}

const noDeadline = "there is no deadline at which weft.StopAtDeadline could stop; add weft.Deadline"

// check reports settings that conflict.
func (n *node) check() {
	if n.teardown && n.settings.get("trigger_rule") != nil {
		n.problem("a teardown has a rule of its own; leave out weft.When")
	}
	if n.teardown && n.branches {
		n.problem("a teardown can't choose what runs")
	}
	for _, one := range []taskField{
		{"depends_on_past", "DependsOnPast"}, {"wait_for_downstream", "WaitForDownstream"}, {"latest_only", "LatestOnly"},
	} {
		if n.teardown && n.settings.get(one.name) != nil {
			n.problem("a teardown runs whatever came of other runs; leave out weft.%s", one.value)
		}
	}
	if n.settings.get("on_missed_deadline") != nil && n.settings.get("deadline") == nil {
		n.problem("%s", noDeadline)
	}
	if !n.teardown && n.settings.get("teardown_fails_run") != nil {
		n.problem("weft.TeardownFailsRun is for a teardown; add weft.TeardownOf")
	}
	if !n.mapped && n.settings.get("zip") != nil {
		n.problem("weft.Zip is for lists, which need Expand, Expand2 or Expand3")
	}
}

// upstreamOf is the task that an option names; nil, with a problem, where it is none.
func (n *node) upstreamOf(value Upstream, option string) *node {
	from := value.upstream()
	if !n.known(from) {
		return nil
	}
	if from.node == nil {
		n.problem("%s takes tasks; %q is none", option, from.name)
	}
	return from.node
}

// dependsOn notes an upstream, and says whether it is a new one.
func (n *node) dependsOn(other *node) bool {
	if slices.Contains(n.upstream, other) {
		return false
	}
	n.upstream = append(n.upstream, other)
	other.downstream = append(other.downstream, n)
	return true
}

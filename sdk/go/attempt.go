package weft

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"
)

// outcome is how an attempt ended: with an output, with a control message instead, or with a failure.
type outcome struct {
	output  json.RawMessage
	control json.RawMessage
	failure *failed
}

type failed struct {
	retryable bool
	message   string
	more      json.RawMessage
}

// attempt runs a task once, with inputs by their names. It never panics.
func (n *node) attempt(ctx Context, given map[string]json.RawMessage) outcome {
	taken := make([]any, len(n.inputs))
	for i, in := range n.inputs {
		text, there := given[in.name]
		if !there && in.from.mayLack() {
			// The element has no such part.
			taken[i] = reflect.New(in.typ).Interface()
			continue
		}
		if !there {
			return ending(Fail("input %s is missing", in.name))
		}
		value, err := decode(text, in.typ)
		if errors.Is(err, errNull) && in.from.mayLack() {
			return ending(Fail("input %s: the part of its element is null; take a pointer", in.name))
		}
		if err != nil {
			return ending(Fail("input %s: %w", in.name, err))
		}
		taken[i] = value
	}
	result, err := n.guarded(ctx, taken)
	var updated *Updated
	if errors.As(err, &updated) {
		return n.updated(result, updated)
	}
	if err != nil {
		return ending(err)
	}
	if choice, chosen := result.(Choice); chosen && n.branches {
		return n.chosen(choice)
	}
	output, err := n.encoded(result)
	if err != nil {
		return ending(err)
	}
	return outcome{output: output}
}

// encoded is what the task returned, as JSON.
func (n *node) encoded(result any) (json.RawMessage, error) {
	output, err := encode(reflect.ValueOf(&result).Elem().Elem())
	if err != nil {
		return nil, Fail("what %s (%s) returned can't be passed on: %w", n.id, placeOf(n.function), err)
	}
	return output, nil
}

// guarded calls the function and makes an error of a panic.
func (n *node) guarded(ctx Context, taken []any) (result any, err error) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		at, trace := panicked()
		slog.Error(fmt.Sprintf("panic: %v\n%s", reason, trace))
		if at == "" {
			err = fmt.Errorf("panic: %v", reason)
		} else {
			err = fmt.Errorf("panic: %v (%s)", reason, at)
		}
	}()
	return n.call(ctx, taken)
}

func (n *node) chosen(choice Choice) outcome {
	var tasks []string
	for _, id := range choice.tasks {
		if !slices.ContainsFunc(n.downstream, func(other *node) bool { return other.id == id }) {
			return ending(Fail("%s chose %q, which is none of its direct downstreams (%s)", n.id, id, n.downstreams()))
		}
		if !slices.Contains(tasks, id) {
			tasks = append(tasks, id)
		}
	}
	return control(object{{"kind", "branch"}, {"tasks", append([]string{}, tasks...)}})
}

func (n *node) downstreams() string {
	var ids []string
	for _, other := range n.downstream {
		ids = append(ids, other.id)
	}
	if len(ids) == 0 {
		return "it has none"
	}
	return strings.Join(ids, ", ")
}

func control(document object) outcome {
	text, err := json.Marshal(document)
	if err != nil {
		return ending(Fail("%w", err))
	}
	return outcome{control: text}
}

// ending is what an error means.
func ending(err error) outcome {
	var skipped *Skipped
	if errors.As(err, &skipped) {
		document := object{{"kind", "skip"}}
		if skipped.Reason != "" {
			document.set("reason", skipped.Reason)
		}
		return control(document)
	}
	var deferred *Deferred
	if errors.As(err, &deferred) {
		return waiting(deferred)
	}
	end := failed{retryable: !permanent(err), message: err.Error()}
	if end.message == "" {
		end.message = fmt.Sprintf("an error without words: %T", err)
	}
	var failure *Failure
	if errors.As(err, &failure) {
		end.more = more(failure)
	}
	return outcome{failure: &end}
}

// permanent reports whether a retry can't fix an error.
func permanent(err error) bool {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Permanent
	}
	return errors.Is(err, ErrDenied) || errors.Is(err, ErrTooLarge)
}

func more(failure *Failure) json.RawMessage {
	var document object
	if failure.RetryAfter > 0 {
		document.set("retry_after_ms", milliseconds(failure.RetryAfter))
	}
	if failure.Details != nil {
		details, err := encode(reflect.ValueOf(&failure.Details).Elem())
		if err != nil {
			details, _ = json.Marshal("the details can't be passed on: " + err.Error())
		}
		document.set("details", details)
	}
	if len(document) == 0 {
		return nil
	}
	// Text and numbers, and what is JSON already.
	text, err := json.Marshal(document)
	if err != nil {
		return nil
	}
	return text
}

func waiting(deferred *Deferred) outcome {
	if err := deferred.mistake(); err != nil {
		return ending(err)
	}
	state, err := encode(reflect.ValueOf(&deferred.State).Elem())
	if err != nil {
		return ending(Fail("the deferral's state can't be passed on: %w", err))
	}
	document := object{{"kind", "defer"}}
	switch {
	case deferred.Event != "":
		document.set("event", deferred.Event)
	case deferred.Run != "":
		document.set("run", deferred.Run)
	case deferred.DAG != "":
		document.set("dag", deferred.DAG)
		document.set("logical_date", text(deferred.LogicalDate))
	case deferred.Asset != nil:
		document.set("asset", deferred.Asset.Asset)
		if deferred.Asset.Partition != "" {
			document.set("partition", deferred.Asset.Partition)
		}
		if !deferred.Asset.Since.IsZero() {
			document.set("since", text(deferred.Asset.Since))
		}
	case deferred.Call != nil:
		call, err := called(deferred.Call)
		if err != nil {
			return ending(err)
		}
		document.set("call", call)
	case deferred.Approval != nil:
		question, err := asked(deferred.Approval)
		if err != nil {
			return ending(err)
		}
		document.set("approval", question)
	case deferred.Until.IsZero():
		document.set("after_ms", milliseconds(deferred.After))
	default:
		document.set("until", text(deferred.Until))
	}
	if deferred.Task != "" {
		document.set("task", deferred.Task)
	}
	if deferred.Timeout > 0 {
		document.set("timeout_ms", milliseconds(deferred.Timeout))
	}
	document.set("state", state)
	return control(document)
}

// asked is a question as the contract has it.
func asked(question *Approval) (object, error) {
	document := object{{"subject", question.Subject}}
	if question.Body != "" {
		document.set("body", question.Body)
	}
	if len(question.Options) > 0 {
		document.set("options", question.Options)
	}
	if question.Default != "" {
		document.set("default", question.Default)
	}
	if len(question.Approvers) > 0 {
		document.set("approvers", question.Approvers)
	}
	if question.Form != nil {
		form, err := encode(reflect.ValueOf(&question.Form).Elem())
		if err != nil {
			return nil, Fail("the form of the question %q can't be passed on: %w", question.Subject, err)
		}
		document.set("form", form)
	}
	return document, nil
}

// called is a call as the contract has it.
func called(call *Call) (object, error) {
	params, err := encode(reflect.ValueOf(&call.Params).Elem())
	switch {
	case err != nil:
		return nil, Fail("the parameters of the call of %s can't be passed on: %w", call.DAG, err)
	case string(params) == "null":
		params = json.RawMessage("{}")
	case params[0] != '{':
		return nil, Fail("the parameters of the call of %s are a map or a struct, not %T", call.DAG, call.Params)
	}
	document := object{{"dag", call.DAG}, {"params", params}}
	if !call.LogicalDate.IsZero() {
		document.set("logical_date", text(call.LogicalDate))
	}
	document.set("wait", !call.Detached)
	return document, nil
}

// text is a point in time as documents have it.
func text(moment time.Time) string { return moment.UTC().Format(time.RFC3339Nano) }

// milliseconds, rounded up: nothing is woken too early.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// Package wefttest has a Context for tests of tasks, which are functions like any other:
//
//	func TestExtract(t *testing.T) {
//		ctx := wefttest.New(t.Context())
//		ctx.Known.Number = 2
//		rows, err := extract(ctx, "https://...")
//	}
//
// Nothing of it asks a host, or needs WebAssembly.
package wefttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"weft.dev/weft"
)

// Context is a weft.Context that behaves as its fields say, and records what it receives.
type Context struct {
	context.Context
	// What Attempt answers.
	Known weft.Attempt
	// Variables that were granted. Without an entry a variable is not found; Denied ones are denied.
	Variables map[string]string
	Denied    []string
	// The state of a deferral; nil if there is none.
	State any
	// Whether the attempt was asked to stop.
	Stopped bool
	// The messages that Progress received.
	Progressed []Progress
	// The content of artifacts, by reference.
	Artifacts map[string][]byte
}

// Progress is one call of Context.Progress.
type Progress struct {
	Fraction float64
	Message  string
}

var _ weft.Context = (*Context)(nil)

// New is the context of a first attempt, for today.
func New(ctx context.Context) *Context {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	return &Context{
		Context: ctx,
		Known: weft.Attempt{
			Tenant: "default", DAG: "test", Run: "test", Task: "test", Number: 1,
			LogicalDate:    today,
			DataInterval:   weft.DataInterval{Start: today, End: today},
			Params:         map[string]json.RawMessage{},
			IdempotencyKey: "test",
		},
		Variables: map[string]string{},
		Artifacts: map[string][]byte{},
	}
}

func (c *Context) Attempt() weft.Attempt { return c.Known }

// RunEnded makes it an attempt that was woken by the end of a run of this DAG: the task waited for that, or called
// it. Outputs are those of a called run, by task; they panic where JSON can't hold them.
func (c *Context) RunEnded(dag, state string, outputs map[string]any) {
	woken := &weft.Woken{Run: "test-" + dag, DAG: dag, State: state}
	for task, output := range outputs {
		text, err := json.Marshal(output)
		if err != nil {
			panic(fmt.Sprintf("the output of %s: %v", task, err))
		}
		if woken.Outputs == nil {
			woken.Outputs = map[string]json.RawMessage{}
		}
		woken.Outputs[task] = text
	}
	c.Known.Woken = woken
}

// TaskEnded makes it an attempt that was woken by the end of a task of a run of this DAG: "success", "failed", "skipped",
// "cancelled" or "missing".
func (c *Context) TaskEnded(dag, task, state string) {
	c.Known.Woken = &weft.Woken{Run: "test-" + dag, DAG: dag, Task: task, State: state}
}

// Updated makes it an attempt that was woken by an update of this asset, at the time of the call. The partition is ""
// for the whole asset. Metadata is a map or a struct, or nil for none; it panics where JSON can't hold it.
func (c *Context) Updated(asset, partition string, metadata any) {
	text, err := json.Marshal(metadata)
	if err != nil {
		panic(fmt.Sprintf("the metadata of %s: %v", asset, err))
	}
	update := &weft.ObservedUpdate{Asset: asset, Partition: partition, Metadata: text, At: time.Now().UTC()}
	c.Known.Woken = &weft.Woken{Update: update}
}

// CallRefused makes it an attempt that was woken since its call was refused.
func (c *Context) CallRefused(code, message string) {
	c.Known.Woken = &weft.Woken{Error: &weft.CallError{Code: code, Message: message}}
}

// Decided makes it an attempt that was woken by an answer. Fields are the values of its form, nil for none; they
// panic where JSON can't hold them.
func (c *Context) Decided(option string, fields map[string]any) {
	decision := &weft.Decision{Option: option, By: "test", Fields: map[string]json.RawMessage{}}
	for name, value := range fields {
		text, err := json.Marshal(value)
		if err != nil {
			panic(fmt.Sprintf("the value of %s: %v", name, err))
		}
		decision.Fields[name] = text
	}
	c.Known.Woken = &weft.Woken{Decision: decision}
}

// Updates are what a task reported of its outlets by weft.Update, which comes back in place of the error; nil for any
// other error.
func Updates(err error) []weft.AssetUpdate {
	var updated *weft.Updated
	if errors.As(err, &updated) {
		return updated.Assets
	}
	return nil
}

func (c *Context) Resumed(state any) (bool, error) {
	if c.State == nil {
		return false, nil
	}
	text, err := json.Marshal(c.State)
	if err != nil {
		return true, err
	}
	return true, json.Unmarshal(text, state)
}

func (c *Context) Progress(fraction float64, message string) {
	c.Progressed = append(c.Progressed, Progress{fraction, message})
}

func (c *Context) Cancelled() bool { return c.Stopped }

// Err is what the context that it was made with says, and context.Canceled where Stopped is set.
func (c *Context) Err() error {
	if c.Stopped {
		return context.Canceled
	}
	return c.Context.Err()
}

func (c *Context) Variable(name string) (string, error) {
	for _, denied := range c.Denied {
		if denied == name {
			return "", fmt.Errorf("variable %q: %w", name, weft.ErrDenied)
		}
	}
	value, known := c.Variables[name]
	if !known {
		return "", fmt.Errorf("variable %q: %w", name, weft.ErrNotFound)
	}
	return value, nil
}

func (c *Context) CreateArtifact(string) (weft.ArtifactWriter, error) {
	return &sink{context: c}, nil
}

func (c *Context) OpenArtifact(artifact weft.Artifact) (io.ReadCloser, error) {
	data, known := c.Artifacts[artifact.Reference]
	if !known {
		return nil, fmt.Errorf("artifact %s: %w", artifact.Reference, weft.ErrDenied)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

type sink struct {
	bytes.Buffer
	context *Context
}

func (s *sink) Finish() (weft.Artifact, error) {
	reference := fmt.Sprintf("test:%d", len(s.context.Artifacts))
	s.context.Artifacts[reference] = s.Bytes()
	return weft.Artifact{Reference: reference}, nil
}

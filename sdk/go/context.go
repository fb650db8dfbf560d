package weft

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Context is what a task knows of the attempt that is running, and what it may ask its host for. It is a
// context.Context as well, whose deadline is the attempt's and which is cancelled when the attempt is asked
// to stop. Package wefttest has one for tests.
type Context interface {
	context.Context
	// Attempt says who and what for.
	Attempt() Attempt
	// Resumed reads the state that a deferral left, and is false in an attempt that none came before.
	Resumed(state any) (bool, error)
	// Progress is shown to users who watch the run; from 0 to 1.
	Progress(fraction float64, message string)
	// Cancelled is true once the attempt has been asked to stop.
	Cancelled() bool
	// Variable is a variable's text; needs a grant by weft.Variables. Fails with ErrDenied or ErrNotFound.
	Variable(name string) (string, error)
	// CreateArtifact begins an artifact of a media type such as "text/csv". It is kept once Finish was called.
	CreateArtifact(mediaType string) (ArtifactWriter, error)
	// OpenArtifact reads an artifact that came in through this task's inputs, or was created by it.
	OpenArtifact(artifact Artifact) (io.ReadCloser, error)
}

// Attempt describes the current attempt to the task.
type Attempt struct {
	Tenant string `json:"tenant"`
	DAG    string `json:"dag"`
	Run    string `json:"run"`
	Task   string `json:"task"`
	// Which instance of a mapped task, from 0; nil for any other.
	MapIndex *int `json:"map_index"`
	// 1 for the first attempt of a task instance.
	Number int `json:"number"`
	// The date that the run is for.
	LogicalDate  time.Time    `json:"logical_date"`
	DataInterval DataInterval `json:"data_interval"`
	// The run's parameters, defaults filled in.
	Params map[string]json.RawMessage `json:"params"`
	// When the attempt will be killed.
	Deadline *time.Time `json:"deadline"`
	// Equal over the retries of a task instance, new after it was cleared.
	IdempotencyKey string `json:"idempotency_key"`
	// What ended the wait for an event, a run, a task, an asset, a call or an answer; nil in any other attempt.
	Woken *Woken `json:"woken"`
}

// Woken is what ended a wait.
type Woken struct {
	// The name of the event that came.
	Event string `json:"event"`
	// What was sent with it.
	Payload json.RawMessage `json:"payload"`
	// Whether the timeout came first.
	TimedOut bool `json:"timeout"`
	// The run that ended: the one that the task waited for, or called; or the run of the task that it waited for;
	// and the run's DAG.
	Run string `json:"run"`
	DAG string `json:"dag"`
	// The task of that run, where the wait was for a task.
	Task string `json:"task"`
	// "success", "failed" or "cancelled", and of a task also "skipped"; "queued" after a detached call; "missing"
	// where there is no such run or task.
	State string `json:"state"`
	// What the last tasks of a called run returned, by task; nil where that is more than 256 KiB.
	Outputs map[string]json.RawMessage `json:"outputs"`
	// Why the run was not created that the task called.
	Error *CallError `json:"error"`
	// The answer to what the task asked.
	Decision *Decision `json:"approval"`
	// The update of the asset that the task waited for.
	Update *ObservedUpdate `json:"update"`
	// Whether a person or a program resumed the task before what it waits for came.
	ByCommand bool `json:"command"`
}

// CallError is why a run was not created.
type CallError struct {
	// A stable name of the reason, such as "dag_paused".
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Decision is the answer to what a task asked.
type Decision struct {
	// The option that was chosen.
	Option string `json:"option"`
	// What who chose it wrote.
	Comment string `json:"comment"`
	// The form's values.
	Fields map[string]json.RawMessage `json:"fields"`
	// The name of the token that chose it; empty where it is the default after the timeout.
	By string `json:"by"`
	// When it was chosen, as RFC 3339 has it; empty where no one did.
	At string `json:"at"`
}

// Approved is whether it is the option "approve".
func (d *Decision) Approved() bool { return d.Option == "approve" }

// Decided is the answer to what the task asked. It fails for good where no one answered in time, or the task was
// woken otherwise.
func (w *Woken) Decided() (*Decision, error) {
	switch {
	case w.Decision != nil:
		return w.Decision, nil
	case w.TimedOut:
		return nil, Fail("no one answered in time")
	default:
		return nil, Fail("the task was woken by something else than an answer")
	}
}

// Updated is the update of the asset that the task waited for. It fails for good where none came in time, or the task
// was woken otherwise.
func (w *Woken) Updated() (*ObservedUpdate, error) {
	switch {
	case w.Update != nil:
		return w.Update, nil
	case w.TimedOut:
		return nil, Fail("the asset was not updated in time")
	default:
		return nil, Fail("the task was woken by something else than an update of an asset")
	}
}

// Succeeded is the outputs of a run that succeeded, none of a task or of a run that was not called. It fails for good
// where the run or the task did not succeed, the run was not created, or the end did not come in time.
func (w *Woken) Succeeded() (map[string]json.RawMessage, error) {
	if w.State == "success" {
		return w.Outputs, nil
	}
	return nil, Fail("%s", w.words())
}

// Output reads what the last task of this name returned in a called run that succeeded. It fails for good as
// [Woken.Succeeded] does.
func (w *Woken) Output(task string, into any) error {
	outputs, err := w.Succeeded()
	if err != nil {
		return err
	}
	output, there := outputs[task]
	switch {
	case there:
		if err := json.Unmarshal(output, into); err != nil {
			return Fail("the output of %q in %s: %w", task, w.name(), misfit(err))
		}
		return nil
	case outputs == nil:
		return Fail("%s left no outputs: those of called runs come back, up to 256 KiB in all", w.name())
	}
	known := slices.Sorted(maps.Keys(outputs))
	return Fail("%s has no output of %q, but of its last tasks that are not mapped: %s", w.name(), task, strings.Join(known, ", "))
}

func (w *Woken) name() string {
	var parts []string
	if w.Task != "" {
		parts = append(parts, "task "+w.Task)
	}
	if w.Run != "" {
		parts = append(parts, "run "+w.Run)
	}
	if w.DAG != "" {
		parts = append(parts, "DAG "+w.DAG)
	}
	return strings.Join(parts, " of ")
}

func (w *Woken) words() string {
	switch {
	case w.Error != nil:
		return fmt.Sprintf("the call was refused: %s (%s)", w.Error.Message, w.Error.Code)
	case w.TimedOut:
		return "the run did not end in time"
	case w.ByCommand:
		return "the task was resumed by a command, before the run ended"
	case w.Update != nil:
		return "the task was woken by an update of the asset " + w.Update.Asset + ", not by a run"
	case w.State == "":
		return fmt.Sprintf("the task was woken by the event %q, not by a run", w.Event)
	case w.State == "missing" && w.Task != "":
		return "there is no " + w.name()
	case w.State == "missing" && w.Run == "":
		return "there is no DAG " + w.DAG + ", so it has no run"
	case w.State == "missing":
		return "there is no run " + w.Run
	case w.State == "queued":
		return w.name() + " is still queued: a detached call does not wait for its end"
	}
	return w.name() + " ended as " + w.State
}

// DataInterval is what a run is for: from Start, and before End.
type DataInterval struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Artifact is large data that a task wrote, by reference; returned and taken like any other value.
type Artifact struct {
	Reference string `json:"$artifact"`
}

// ArtifactWriter is an artifact that is being written.
type ArtifactWriter interface {
	io.Writer
	// Finish ends it.
	Finish() (Artifact, error)
}

// WriteArtifact writes a whole artifact at once.
func WriteArtifact(ctx Context, data []byte, mediaType string) (Artifact, error) {
	writer, err := ctx.CreateArtifact(mediaType)
	if err != nil {
		return Artifact{}, err
	}
	if _, err := writer.Write(data); err != nil {
		return Artifact{}, err
	}
	return writer.Finish()
}

// ReadArtifact reads a whole artifact.
func ReadArtifact(ctx Context, artifact Artifact) ([]byte, error) {
	reader, err := ctx.OpenArtifact(artifact)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(reader)
	if closed := reader.Close(); err == nil {
		err = closed
	}
	return data, err
}

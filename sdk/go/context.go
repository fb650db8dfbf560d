package weft

import (
	"context"
	"encoding/json"
	"io"
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
	// What ended the wait of [DeferUntilEvent]; nil in any other attempt.
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

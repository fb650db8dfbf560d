//go:build wasip1

package weft

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	store "weft.dev/weft/internal/bindings/imports/weft_artifacts_store"
	host "weft.dev/weft/internal/bindings/imports/weft_dag_context"
	"weft.dev/weft/internal/bindings/imports/weft_dag_variables"
	"weft.dev/weft/internal/streams"
)

// hostContext is the Context of a component. It asks the host for nothing before the task does.
type hostContext struct {
	context.Context
	attempt func() Attempt
	// Closed once the attempt was asked to stop; made when somebody wants to wait for it.
	done func() <-chan struct{}
}

func newHost() Context {
	c := &hostContext{Context: context.Background()}
	c.attempt = sync.OnceValue(func() (attempt Attempt) {
		if err := json.Unmarshal([]byte(host.Attempt()), &attempt); err != nil {
			panic(fmt.Sprintf("the host's attempt can't be read: %v", err))
		}
		return attempt
	})
	c.done = sync.OnceValue(func() <-chan struct{} {
		done := make(chan struct{})
		go func() {
			for c.Err() == nil {
				time.Sleep(lookEvery)
			}
			close(done)
		}()
		return done
	})
	return c
}

// How often the host is asked whether the attempt has to stop, where somebody waits for that.
const lookEvery = 100 * time.Millisecond

func (c *hostContext) Attempt() Attempt { return c.attempt() }

func (c *hostContext) Deadline() (time.Time, bool) {
	if deadline := c.attempt().Deadline; deadline != nil {
		return *deadline, true
	}
	return time.Time{}, false
}

func (c *hostContext) Done() <-chan struct{} { return c.done() }

func (c *hostContext) Err() error {
	if host.Cancelled() {
		return context.Canceled
	}
	if deadline, known := c.Deadline(); known && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

func (c *hostContext) Resumed(state any) (bool, error) {
	left := host.Resumed()
	if left.IsNone() {
		return false, nil
	}
	if err := json.Unmarshal([]byte(left.Some()), state); err != nil {
		return true, Fail("the state of the deferral: %w", misfit(err))
	}
	return true, nil
}

func (c *hostContext) Progress(fraction float64, message string) { host.Progress(fraction, message) }

func (c *hostContext) Cancelled() bool { return host.Cancelled() }

func (c *hostContext) Variable(name string) (string, error) {
	value := weft_dag_variables.Get(name)
	switch {
	case value.IsOk():
		return value.Ok(), nil
	case value.Err() == weft_dag_variables.Error_Denied:
		return "", deniedVariable(name)
	default:
		return "", fmt.Errorf("variable %q: %w", name, ErrNotFound)
	}
}

func (c *hostContext) CreateArtifact(mediaType string) (ArtifactWriter, error) {
	writer := store.Create(mediaType)
	if writer.IsErr() {
		return nil, artifactError(mediaType, writer.Err())
	}
	body := writer.Ok().Body()
	if body.IsErr() {
		return nil, artifactError(mediaType, body.Err())
	}
	return &artifactSink{writer.Ok(), streams.NewWriter(body.Ok()), mediaType}, nil
}

func (c *hostContext) OpenArtifact(artifact Artifact) (io.ReadCloser, error) {
	stream := store.Open(artifact.Reference)
	if stream.IsErr() {
		return nil, artifactError(artifact.Reference, stream.Err())
	}
	return streams.NewReader(stream.Ok()), nil
}

// artifactSink is an artifact that is being written. The stream has to end before the writer does.
type artifactSink struct {
	writer    *store.Writer
	body      *streams.Writer
	mediaType string
}

func (s *artifactSink) Write(data []byte) (int, error) {
	written, err := s.body.Write(data)
	if err != nil {
		return written, fmt.Errorf("artifact of %s: %w", s.mediaType, err)
	}
	return written, nil
}

func (s *artifactSink) Finish() (Artifact, error) {
	s.body.Close()
	reference := store.WriterFinish(s.writer)
	if reference.IsErr() {
		return Artifact{}, artifactError(s.mediaType, reference.Err())
	}
	return Artifact{reference.Ok()}, nil
}

func artifactError(which string, code store.Error) error {
	why := ErrUnavailable
	switch code {
	case store.Error_Denied:
		why = ErrDenied
	case store.Error_NotFound:
		why = ErrNotFound
	case store.Error_TooLarge:
		why = ErrTooLarge
	}
	return fmt.Errorf("artifact %s: %w", which, why)
}

func deniedVariable(name string) error {
	return fmt.Errorf("variable %q was not granted to this task; add it: weft.Variables(%q): %w", name, name, ErrDenied)
}

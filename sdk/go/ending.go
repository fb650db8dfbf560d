package weft

import (
	"errors"
	"fmt"
	"time"
)

// A task ends with its output, or with an error. Any error is a failure that follows the task's retries,
// but for the ones here, which errors.As finds wherever they are wrapped.

// Failure is a failure that says more about the next attempt than any other error.
type Failure struct {
	// Permanent failures are not tried again.
	Permanent bool
	// The next attempt starts no earlier.
	RetryAfter time.Duration
	// Anything that JSON holds, shown with the failure.
	Details any
	Err     error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap is what went wrong.
func (f *Failure) Unwrap() error { return f.Err }

// Fail is a failure that is not tried again: the next attempt would fail alike.
func Fail(format string, args ...any) error {
	return &Failure{Permanent: true, Err: fmt.Errorf(format, args...)}
}

// Retry is a failure whose next attempt starts no earlier than `after`.
func Retry(after time.Duration, format string, args ...any) error {
	return &Failure{RetryAfter: after, Err: fmt.Errorf(format, args...)}
}

// Skipped is how a task skips itself; what hangs on it follows its trigger rule.
type Skipped struct{ Reason string }

func (s *Skipped) Error() string { return "skipped: " + s.Reason }

// Skip skips the task.
func Skip(format string, args ...any) error {
	return &Skipped{fmt.Sprintf(format, args...)}
}

// Deferred is how a task waits without holding a worker: the attempt ends, and another one is woken later,
// whose [Context.Resumed] gives the state.
type Deferred struct {
	// If it is zero, Event or After applies.
	Until time.Time
	After time.Duration
	// The name of an event that is sent to the run, waited for at the longest for Timeout, or without end if
	// that is zero.
	Event   string
	Timeout time.Duration
	State   any
}

func (d *Deferred) Error() string { return "deferred" }

// DeferFor ends the attempt, to be woken in a while.
func DeferFor(wait time.Duration, state any) error { return &Deferred{After: wait, State: state} }

// DeferUntil ends the attempt, to be woken at a point in time.
func DeferUntil(when time.Time, state any) error { return &Deferred{Until: when, State: state} }

// DeferUntilEvent ends the attempt, to be woken when an event of this name is sent to the run, or after the
// timeout, unless that is zero. [Attempt.Woken] says which of the two it was.
func DeferUntilEvent(name string, timeout time.Duration, state any) error {
	return &Deferred{Event: name, Timeout: timeout, State: state}
}

// Refusals of the host. Of these ErrUnavailable and ErrNotFound follow the task's retries.
var (
	// ErrDenied is what was not granted.
	ErrDenied = errors.New("denied")
	// ErrNotFound is what isn't there.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge is an artifact beyond the task's limit.
	ErrTooLarge = errors.New("too large")
	// ErrUnavailable is a store that doesn't answer.
	ErrUnavailable = errors.New("unavailable")
)

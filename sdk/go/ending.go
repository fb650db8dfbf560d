package weft

import (
	"errors"
	"fmt"
	"time"
)

// A task ends with its output, or with an error. Any error is a failure that follows the task's retries,
// but for [Update], which is a success, and the ones here, which errors.As finds wherever they are wrapped.

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
// whose [Context.Resumed] gives the state and whose [Attempt.Woken] what ended the wait. One of Until, Event,
// Run, DAG, Asset, Call and Approval says what for; After applies where all of them are zero.
type Deferred struct {
	Until time.Time
	After time.Duration
	// The name of an event that is sent to the run.
	Event string
	// The id of a run whose end is waited for.
	Run string
	// The DAG whose scheduled or backfilled run for LogicalDate is waited for.
	DAG         string
	LogicalDate time.Time
	// With Run, or with DAG and LogicalDate: the task of that run whose end is waited for.
	Task string
	// The asset whose update is waited for.
	Asset *AssetWait
	// A run that is created, and whose end is waited for.
	Call *Call
	// A question to people, whose answer is waited for.
	Approval *Approval
	// How long anything but a time is waited for at the longest; without end if that is zero.
	Timeout time.Duration
	State   any
}

// AssetWait says which update of an asset is waited for.
type AssetWait struct {
	// The name of the asset.
	Asset string
	// The partition whose updates count; those of all partitions and of the whole asset where it is "".
	Partition string
	// Updates before this time don't count, and one at or after it that is there already wakes the task at once.
	// Where it is zero, updates before the attempt started don't count.
	Since time.Time
}

// Call is a run of another DAG of the same tenant. The task asks for it by [Calls].
type Call struct {
	// The id of the DAG.
	DAG string
	// The run's parameters: a map or a struct that JSON makes an object of; nil for none.
	Params any
	// The date that the run is for; the time of the call where it is zero.
	LogicalDate time.Time
	// Whether the task goes on at once, and the run by itself.
	Detached bool
}

// Approval is a question to people.
type Approval struct {
	// The question in a line.
	Subject string
	// More of it, in Markdown.
	Body string
	// What can be answered; "approve" and "reject" where there are none.
	Options []string
	// The answer where no one gives one within the timeout: one of the options.
	Default string
	// The JSON Schema of an object to fill in.
	Form any
	// The names of the tokens that may answer; all that may operate runs where there are none.
	Approvers []string
}

func (d *Deferred) Error() string { return "deferred" }

// DeferFor ends the attempt, to be woken in a while.
func DeferFor(wait time.Duration, state any) error { return &Deferred{After: wait, State: state} }

// DeferUntil ends the attempt, to be woken at a point in time.
func DeferUntil(when time.Time, state any) error { return &Deferred{Until: when, State: state} }

// DeferUntilEvent ends the attempt, to be woken when an event of this name is sent to the run, or after the
// timeout, unless that is zero. [Attempt.Woken] says which of the two it was.
func DeferUntilEvent(name string, timeout time.Duration, state any) error {
	return orFail(&Deferred{Event: name, Timeout: timeout, State: state}, name, "an event has a name")
}

// DeferUntilRun ends the attempt, to be woken when the run of this id has ended, or after the timeout, unless
// that is zero. [Woken.Succeeded] says whether the run succeeded.
func DeferUntilRun(id string, timeout time.Duration, state any) error {
	return orFail(&Deferred{Run: id, Timeout: timeout, State: state}, id, "a run has an id")
}

// DeferUntilDAG is as [DeferUntilRun], for the scheduled or backfilled run of a DAG for a date, which there need
// not be yet.
func DeferUntilDAG(dag string, date time.Time, timeout time.Duration, state any) error {
	return orFail(&Deferred{DAG: dag, LogicalDate: date, Timeout: timeout, State: state}, dag, "a DAG has an id")
}

// DeferUntilRunTask is as [DeferUntilRun], for the end of a task of that run: all its instances have ended, or the
// run has. [Woken.Succeeded] says whether the task succeeded.
func DeferUntilRunTask(run, task string, timeout time.Duration, state any) error {
	if task == "" {
		return Fail("a task has an id, not \"\"")
	}
	return orFail(&Deferred{Run: run, Task: task, Timeout: timeout, State: state}, run, "a run has an id")
}

// DeferUntilDAGTask is as [DeferUntilRunTask], for a task of the run that [DeferUntilDAG] waits for.
func DeferUntilDAGTask(dag string, date time.Time, task string, timeout time.Duration, state any) error {
	if task == "" {
		return Fail("a task has an id, not \"\"")
	}
	return orFail(&Deferred{DAG: dag, LogicalDate: date, Task: task, Timeout: timeout, State: state}, dag, "a DAG has an id")
}

// DeferUntilAsset ends the attempt, to be woken when the asset is updated, or after the timeout, unless that is zero.
// [Woken.Updated] has the update.
func DeferUntilAsset(wait AssetWait, timeout time.Duration, state any) error {
	return orFail(&Deferred{Asset: &wait, Timeout: timeout, State: state}, wait.Asset, "an asset has a name")
}

// CallDAG ends the attempt and creates a run of another DAG, once, however often the task is retried. The task
// is woken when that run has ended, or after the timeout, unless that is zero; at once if the call is detached.
// [Woken.Succeeded] has the outputs of the run's last tasks.
func CallDAG(call Call, timeout time.Duration, state any) error {
	return orFail(&Deferred{Call: &call, Timeout: timeout, State: state}, call.DAG, "a call names a DAG by its id")
}

// Ask ends the attempt, to be woken when somebody answers, or after the timeout, unless that is zero.
// [Woken.Decided] has the answer.
func Ask(question Approval, timeout time.Duration, state any) error {
	return orFail(&Deferred{Approval: &question, Timeout: timeout, State: state}, question.Subject, "an approval asks a question")
}

// orFail is the deferral, unless it lacks the name of what it waits for.
func orFail(deferred *Deferred, name, what string) error {
	if name == "" {
		return Fail("%s, not \"\"", what)
	}
	if err := deferred.mistake(); err != nil {
		return err
	}
	return deferred
}

// mistake is what makes it no deferral.
func (d *Deferred) mistake() error {
	kinds := 0
	for _, given := range []bool{!d.Until.IsZero(), d.After != 0, d.Event != "", d.Run != "", d.DAG != "", d.Asset != nil, d.Call != nil, d.Approval != nil} {
		if given {
			kinds++
		}
	}
	byTime := kinds == 0 || !d.Until.IsZero() || d.After != 0
	switch {
	case d.After < 0 || d.Timeout < 0:
		return Fail("a deferral can't be for %s", min(d.After, d.Timeout))
	case kinds > 1:
		return Fail("a deferral has one of Until, After, Event, Run, DAG, Asset, Call and Approval")
	case d.Call != nil && !d.LogicalDate.IsZero():
		return Fail("the date of a called run is the call's: weft.Call{LogicalDate: ...}")
	case (d.DAG != "") == d.LogicalDate.IsZero():
		return Fail("a deferral's DAG and LogicalDate go together")
	case d.Task != "" && d.Run == "" && d.DAG == "":
		return Fail("a deferral's Task goes with Run, or with DAG and LogicalDate")
	case d.Timeout > 0 && byTime:
		return Fail("a deferral by time takes no Timeout")
	case d.Timeout > 0 && d.Call != nil && d.Call.Detached:
		return Fail("a detached call takes no timeout: it waits for nothing")
	case d.Timeout == 0 && d.Approval != nil && d.Approval.Default != "":
		return Fail("the default of an approval is the answer after the timeout: give one")
	case d.Asset != nil:
		return d.Asset.mistake()
	}
	return nil
}

// mistake is what makes it no wait for an asset.
func (a *AssetWait) mistake() error {
	if err := checkAsset(a.Asset); err != nil {
		return Fail("%w", err)
	}
	return checkPartition(a.Asset, a.Partition)
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

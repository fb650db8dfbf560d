// Package sensors waits for a condition inside of a task, without holding a worker:
//
//	func wait(ctx weft.Context) (weft.None, error) {
//		return weft.None{}, sensors.WaitUntil(ctx, enoughOrders, sensors.Every{Interval: time.Minute, Timeout: time.Hour})
//	}
//
// A sensor that is not done returns a deferral, which the task returns, and the next attempt runs the task from
// its start. So a sensor comes first in its task, and a task has one of them: the state of the deferral is the
// sensor's. Package wefthttp has sensors for URLs.
package sensors

import (
	"math"
	"time"

	"weft.dev/weft"
)

// Every says how often a condition is checked.
type Every struct {
	// The wait between two checks; a minute where it is zero.
	Interval time.Duration
	// Each further wait is this many times the one before; 1 where it is zero.
	Backoff float64
	// The longest wait between two checks; zero: there is none.
	Most time.Duration
	// How long the condition is waited for: the last check is then, and the task fails for good. Zero: without end.
	Timeout time.Duration
}

// counters are what a sensor knows of earlier attempts.
type counters struct {
	Began  time.Time     `json:"began"`
	Checks int           `json:"checks"`
	Waited time.Duration `json:"waited_ns"`
	Next   time.Duration `json:"next_ns"`
}

type state struct {
	Sensor *counters `json:"sensor"`
}

// now is the clock; tests have their own.
var now = time.Now

// longest is longer than any run: a hundred years.
const longest = 100 * 365 * 24 * time.Hour

// WaitUntil is nil once the check is true. Before that it is a deferral, or the check's own error.
func WaitUntil(ctx weft.Context, check func() (bool, error), every Every) error {
	every, err := every.filled()
	if err != nil {
		return err
	}
	if found, err := check(); found || err != nil {
		return err
	}
	var left state
	// The state of another deferral of the task is not the sensor's.
	if _, err := ctx.Resumed(&left); err != nil || left.Sensor == nil {
		left.Sensor = &counters{Began: now(), Next: every.Interval}
	}
	known := left.Sensor
	known.Checks++
	// In a test nothing is waited for, so the clock alone would never end it.
	passed := max(now().Sub(known.Began), known.Waited)
	if every.Timeout > 0 && passed >= every.Timeout {
		return weft.Fail("the condition does not hold after %s and %d checks", every.Timeout, known.Checks)
	}
	wait := min(known.Next, every.Most)
	known.Next = time.Duration(math.Min(float64(wait)*every.Backoff, float64(every.Most)))
	if every.Timeout > 0 {
		wait = min(wait, every.Timeout-passed)
	}
	known.Waited += wait
	return weft.DeferFor(wait, left)
}

// filled has the defaults in place of zeros.
func (e Every) filled() (Every, error) {
	if e.Interval < 0 || e.Most < 0 || e.Timeout < 0 {
		return e, weft.Fail("the times of a sensor can't be negative: %s", min(e.Interval, e.Most, e.Timeout))
	}
	if e.Interval == 0 {
		e.Interval = time.Minute
	}
	if e.Backoff == 0 {
		e.Backoff = 1
	}
	if !(e.Backoff >= 1) {
		return e, weft.Fail("the Backoff of a sensor is at least 1, not %g", e.Backoff)
	}
	if e.Most == 0 {
		e.Most = longest
	}
	return e, nil
}

// TimeWindow is nil between two times of day, such as "22:00" and "06:00", and a deferral until the first of them
// otherwise. A nil zone is UTC; others need the package time/tzdata.
func TimeWindow(_ weft.Context, start, end string, zone *time.Location) error {
	if zone == nil {
		zone = time.UTC
	}
	opens, err := clock(start)
	if err != nil {
		return err
	}
	closes, err := clock(end)
	switch {
	case err != nil:
		return err
	case opens == closes:
		return weft.Fail("a window from %s to %s is empty", start, end)
	}
	moment := now().In(zone)
	hour, minute, _ := moment.Clock()
	at := hour*60 + minute
	if opens < closes && opens <= at && at < closes || opens > closes && (at >= opens || at < closes) {
		return nil
	}
	begin := time.Date(moment.Year(), moment.Month(), moment.Day(), 0, opens, 0, 0, zone)
	if !begin.After(moment) {
		begin = time.Date(moment.Year(), moment.Month(), moment.Day()+1, 0, opens, 0, 0, zone)
	}
	return weft.DeferUntil(begin, nil)
}

// clock is a time of day in minutes.
func clock(text string) (int, error) {
	parsed, err := time.Parse("15:04", text)
	if err != nil {
		return 0, weft.Fail("a time of day is such as \"22:00\", not %q", text)
	}
	return parsed.Hour()*60 + parsed.Minute(), nil
}

// OtherDAG returns the id of the scheduled or backfilled run of another DAG for a date once that run has
// succeeded; the date is that of the task's own run where it is zero. Before that the error is a deferral. A run
// that fails, or does not end within the timeout, unless that is zero, fails the task for good.
func OtherDAG(ctx weft.Context, dag string, date time.Time, timeout time.Duration) (string, error) {
	if date.IsZero() {
		date = ctx.Attempt().LogicalDate
	}
	woken := ctx.Attempt().Woken
	// A task that a person resumed looks again; the run may have ended.
	if woken == nil || woken.ByCommand {
		return "", weft.DeferUntilDAG(dag, date, timeout, nil)
	}
	if _, err := woken.Succeeded(); err != nil {
		return "", err
	}
	return woken.Run, nil
}

// OtherDAGTask is as [OtherDAG], for a task of that run: it returns the id of the run once the task has succeeded. A
// task that fails, is skipped, or does not end within the timeout, unless that is zero, fails the task for good.
func OtherDAGTask(ctx weft.Context, dag, task string, date time.Time, timeout time.Duration) (string, error) {
	if date.IsZero() {
		date = ctx.Attempt().LogicalDate
	}
	woken := ctx.Attempt().Woken
	// A task that a person resumed looks again; the other task may have ended.
	if woken == nil || woken.ByCommand {
		return "", weft.DeferUntilDAGTask(dag, date, task, timeout, nil)
	}
	if woken.TimedOut {
		return "", weft.Fail("task %s of DAG %s did not end in time", task, dag)
	}
	if _, err := woken.Succeeded(); err != nil {
		return "", err
	}
	return woken.Run, nil
}

// AssetUpdated returns the update that the wait is for. Before that the error is a deferral. Where no update comes
// within the timeout, unless that is zero, the task fails for good.
func AssetUpdated(ctx weft.Context, wait weft.AssetWait, timeout time.Duration) (*weft.ObservedUpdate, error) {
	woken := ctx.Attempt().Woken
	// A task that a person resumed waits again.
	if woken == nil || woken.ByCommand {
		return nil, weft.DeferUntilAsset(wait, timeout, nil)
	}
	if woken.TimedOut && wait.Partition != "" {
		return nil, weft.Fail("the partition %s of the asset %s was not updated in time", wait.Partition, wait.Asset)
	}
	if woken.TimedOut {
		return nil, weft.Fail("the asset %s was not updated in time", wait.Asset)
	}
	return woken.Updated()
}

package sensors

import (
	"errors"
	"strings"
	"testing"
	"time"

	"weft.dev/weft"
	"weft.dev/weft/wefttest"
)

// at sets the clock to a time of day, in UTC, until the test ends.
func at(t *testing.T, text string) {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04", "2026-03-05 "+text)
	if err != nil {
		t.Fatal(err)
	}
	before := now
	now = func() time.Time { return moment }
	t.Cleanup(func() { now = before })
}

// deferral is how a sensor defers, or why it fails.
func deferral(t *testing.T, err error) *weft.Deferred {
	t.Helper()
	var deferred *weft.Deferred
	if !errors.As(err, &deferred) {
		t.Fatalf("%v is no deferral", err)
	}
	return deferred
}

// fails checks that an error fails the task for good, and says so.
func fails(t *testing.T, err error, words string) {
	t.Helper()
	var failure *weft.Failure
	if !errors.As(err, &failure) || !failure.Permanent || !strings.Contains(failure.Error(), words) {
		t.Errorf("%v, and should fail for good and say %q", err, words)
	}
}

func never() (bool, error) { return false, nil }

func TestAConditionThatHoldsEndsTheWait(t *testing.T) {
	ctx := wefttest.New(t.Context())
	if err := WaitUntil(ctx, func() (bool, error) { return true, nil }, Every{}); err != nil {
		t.Error(err)
	}
	down := errors.New("down")
	if err := WaitUntil(ctx, func() (bool, error) { return false, down }, Every{}); err != down {
		t.Error(err)
	}
	if wait := deferral(t, WaitUntil(ctx, never, Every{})).After; wait != time.Minute {
		t.Error(wait)
	}
}

func TestEachWaitIsLongerThanTheOneBeforeAndTheLastEndsWithTheTimeout(t *testing.T) {
	at(t, "12:00")
	ctx := wefttest.New(t.Context())
	every := Every{Interval: 10 * time.Second, Backoff: 2, Most: 35 * time.Second, Timeout: 100 * time.Second}
	for _, seconds := range []int{10, 20, 35, 35} {
		deferred := deferral(t, WaitUntil(ctx, never, every))
		if deferred.After != time.Duration(seconds)*time.Second {
			t.Errorf("%s, and should be %d s", deferred.After, seconds)
		}
		ctx.State = deferred.State
	}
	fails(t, WaitUntil(ctx, never, every), "the condition does not hold after 1m40s and 5 checks")
}

func TestTheTimeThatPassedCountsWhateverTheWaitsWere(t *testing.T) {
	every := Every{Interval: 2 * time.Minute, Timeout: time.Hour}
	ctx := wefttest.New(t.Context())
	ctx.State = map[string]string{"of": "another deferral"}
	at(t, "12:00")
	ctx.State = deferral(t, WaitUntil(ctx, never, every)).State
	at(t, "12:59")
	if wait := deferral(t, WaitUntil(ctx, never, every)).After; wait != time.Minute {
		t.Error(wait)
	}
	at(t, "13:00")
	fails(t, WaitUntil(ctx, never, every), "does not hold")
}

func TestIntervalsThatAreNoneAreRefusedBeforeTheCheck(t *testing.T) {
	for words, every := range map[string]Every{
		"can't be negative: -1s":      {Timeout: -time.Second},
		"at least 1, not 0.5":         {Backoff: 0.5},
		"can't be negative: -1m0s":    {Interval: -time.Minute},
		"can't be negative: -1h0m0s":  {Most: -time.Hour},
		"is at least 1, not -Inf":     {Backoff: -1 / zero},
		"the Backoff of a sensor is ": {Backoff: zero / zero},
	} {
		fails(t, WaitUntil(wefttest.New(t.Context()), func() (bool, error) {
			t.Error("it was checked")
			return true, nil
		}, every), words)
	}
}

var zero float64

func TestAWindowOfTheDayIsWaitedFor(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	for _, one := range []struct {
		now, start, end, until string
		zone                   *time.Location
	}{
		{"12:00", "09:00", "17:00", "", nil},
		{"09:00", "09:00", "17:00", "", nil},
		{"17:00", "09:00", "17:00", "2026-03-06T09:00:00Z", nil},
		{"03:00", "09:00", "17:00", "2026-03-05T09:00:00Z", nil},
		{"23:00", "22:00", "06:00", "", nil},
		{"05:59", "22:00", "06:00", "", nil},
		{"06:00", "22:00", "06:00", "2026-03-05T22:00:00Z", nil},
		{"23:30", "09:00", "17:00", "2026-03-06T08:00:00Z", berlin},
	} {
		at(t, one.now)
		err := TimeWindow(nil, one.start, one.end, one.zone)
		if one.until == "" {
			if err != nil {
				t.Errorf("%+v: %v", one, err)
			}
		} else if until := deferral(t, err).Until.UTC().Format(time.RFC3339); until != one.until {
			t.Errorf("%+v: %s", one, until)
		}
	}
	fails(t, TimeWindow(nil, "9 am", "17:00", nil), `such as "22:00", not "9 am"`)
	fails(t, TimeWindow(nil, "09:00", "24:00", nil), `not "24:00"`)
	fails(t, TimeWindow(nil, "09:00", "09:00", nil), "is empty")
}

func TestTheRunOfAnotherDAGIsWaitedFor(t *testing.T) {
	ctx := wefttest.New(t.Context())
	_, err := OtherDAG(ctx, "daily", time.Time{}, time.Hour)
	deferred := deferral(t, err)
	if deferred.DAG != "daily" || !deferred.LogicalDate.Equal(ctx.Known.LogicalDate) || deferred.Timeout != time.Hour {
		t.Errorf("%+v", deferred)
	}
	date := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	ctx.Known.Woken = &weft.Woken{ByCommand: true}
	_, err = OtherDAG(ctx, "daily", date, 0)
	if deferred := deferral(t, err); !deferred.LogicalDate.Equal(date) {
		t.Errorf("%+v", deferred)
	}
	ctx.RunEnded("daily", "success", nil)
	if run, err := OtherDAG(ctx, "daily", date, 0); run != "test-daily" || err != nil {
		t.Error(run, err)
	}
	ctx.RunEnded("daily", "failed", nil)
	_, err = OtherDAG(ctx, "daily", date, 0)
	fails(t, err, "run test-daily of DAG daily ended as failed")
}

func TestATaskOfAnotherDAGsRunIsWaitedFor(t *testing.T) {
	ctx := wefttest.New(t.Context())
	_, err := OtherDAGTask(ctx, "daily", "load", time.Time{}, time.Hour)
	deferred := deferral(t, err)
	if deferred.DAG != "daily" || deferred.Task != "load" || !deferred.LogicalDate.Equal(ctx.Known.LogicalDate) || deferred.Timeout != time.Hour {
		t.Errorf("%+v", deferred)
	}
	ctx.Known.Woken = &weft.Woken{ByCommand: true}
	_, err = OtherDAGTask(ctx, "daily", "load", time.Time{}, 0)
	deferral(t, err)
	ctx.TaskEnded("daily", "load", "success")
	if run, err := OtherDAGTask(ctx, "daily", "load", time.Time{}, 0); run != "test-daily" || err != nil {
		t.Error(run, err)
	}
	ctx.TaskEnded("daily", "load", "skipped")
	_, err = OtherDAGTask(ctx, "daily", "load", time.Time{}, 0)
	fails(t, err, "task load of run test-daily of DAG daily ended as skipped")
	ctx.Known.Woken = &weft.Woken{TimedOut: true}
	_, err = OtherDAGTask(ctx, "daily", "load", time.Time{}, 0)
	fails(t, err, "task load of DAG daily did not end in time")
}

func TestAnUpdateOfAnAssetIsWaitedFor(t *testing.T) {
	ctx := wefttest.New(t.Context())
	wait := weft.AssetWait{Asset: "orders", Partition: "2026-11-01"}
	_, err := AssetUpdated(ctx, wait, time.Hour)
	if deferred := deferral(t, err); *deferred.Asset != wait || deferred.Timeout != time.Hour {
		t.Errorf("%+v", deferred)
	}
	ctx.Known.Woken = &weft.Woken{ByCommand: true}
	_, err = AssetUpdated(ctx, wait, 0)
	deferral(t, err)
	ctx.Updated("orders", "2026-11-01", nil)
	if update, err := AssetUpdated(ctx, wait, 0); err != nil || update.Partition != "2026-11-01" {
		t.Error(update, err)
	}
	ctx.Known.Woken = &weft.Woken{TimedOut: true}
	_, err = AssetUpdated(ctx, wait, 0)
	fails(t, err, "the partition 2026-11-01 of the asset orders was not updated in time")
	_, err = AssetUpdated(ctx, weft.AssetWait{Asset: "orders"}, 0)
	fails(t, err, "the asset orders was not updated in time")
	ctx.RunEnded("daily", "success", nil)
	_, err = AssetUpdated(ctx, wait, 0)
	fails(t, err, "woken by something else than an update")
}

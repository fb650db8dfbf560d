package wefthttp_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"weft.dev/weft"
	"weft.dev/weft/sensors"
	"weft.dev/weft/wefthttp"
	"weft.dev/weft/wefttest"
)

var soon = sensors.Every{Interval: 5 * time.Second}

// waits reports whether a sensor defers for so long.
func waits(err error, wait time.Duration) bool {
	var deferred *weft.Deferred
	return errors.As(err, &deferred) && deferred.After == wait
}

func TestAURLIsAskedUntilItAnswersWithSuccess(t *testing.T) {
	var methods []string
	statuses := []int{503, 404, 204, 404, 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(statuses[len(methods)])
		methods = append(methods, r.Method)
	}))
	ctx := wefttest.New(t.Context())
	for range 2 {
		if err := wefthttp.Ready(ctx, server.URL, soon); !waits(err, soon.Interval) {
			t.Error(err)
		}
	}
	if err := wefthttp.Ready(ctx, server.URL, soon); err != nil {
		t.Error(err)
	}
	if err := wefthttp.ObjectExists(ctx, server.URL, soon); !waits(err, soon.Interval) {
		t.Error(err)
	}
	if err := wefthttp.ObjectExists(ctx, server.URL, soon); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(methods) != "[GET GET GET HEAD HEAD]" {
		t.Error(methods)
	}
	server.Close()
	if err := wefthttp.Ready(ctx, server.URL, soon); !waits(err, soon.Interval) {
		t.Errorf("the server is gone: %v", err)
	}
}

// denies is a transport of a task without grants.
type denies struct{}

func (denies) RoundTrip(*http.Request) (*http.Response, error) { return nil, weft.ErrDenied }

func TestWhatCannotBecomeReadyFailsAtOnce(t *testing.T) {
	ctx := wefttest.New(t.Context())
	before := http.DefaultTransport
	http.DefaultTransport = denies{}
	defer func() { http.DefaultTransport = before }()
	if err := wefthttp.Ready(ctx, "https://api.example.org", soon); !errors.Is(err, weft.ErrDenied) {
		t.Error(err)
	}
	var failure *weft.Failure
	if err := wefthttp.Ready(ctx, ":", soon); !errors.As(err, &failure) || !failure.Permanent {
		t.Error(err)
	}
	ctx.Stopped = true
	if err := wefthttp.Ready(ctx, "https://api.example.org", soon); !errors.Is(err, ctx.Err()) {
		t.Error(err)
	}
}

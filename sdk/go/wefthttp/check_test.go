package wefthttp_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"weft.dev/weft"
	"weft.dev/weft/wefthttp"
)

func TestAStatusSaysWhetherToTryAgain(t *testing.T) {
	for _, one := range []struct {
		status    int
		after     string
		permanent bool
		wait      time.Duration
	}{
		{status: 404, permanent: true}, {status: 429, after: "7", wait: 7 * time.Second}, {status: 503}, {status: 408, after: "soon"},
	} {
		err := wefthttp.Check(&http.Response{StatusCode: one.status, Header: http.Header{"Retry-After": {one.after}}})
		if err == nil {
			t.Fatalf("%d is no success", one.status)
		}
		var failure *weft.Failure
		if !errors.As(err, &failure) {
			failure = &weft.Failure{}
		}
		if failure.Permanent != one.permanent || failure.RetryAfter != one.wait {
			t.Errorf("%d: %+v", one.status, failure)
		}
	}
	if err := wefthttp.Check(&http.Response{StatusCode: 302}); err != nil {
		t.Error(err)
	}
}

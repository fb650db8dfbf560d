package wefthttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"weft.dev/weft"
	"weft.dev/weft/sensors"
)

// How long a sensor waits for the head of an answer.
const probeTimeout = 30 * time.Second

// Ready is nil once a request to the URL is answered with a status from 200 to 299, and before that a deferral, as
// of [sensors.WaitUntil]. Any other answer and a connection that fails are tried again; a host that the task was
// not granted fails it. Redirects are followed.
func Ready(ctx weft.Context, url string, every sensors.Every) error {
	return probe(ctx, http.MethodGet, url, every)
}

// ObjectExists is as [Ready], with HEAD requests: whether an object store has an object. The URL is public, or
// presigned for HEAD.
func ObjectExists(ctx weft.Context, url string, every sensors.Every) error {
	return probe(ctx, http.MethodHead, url, every)
}

func probe(ctx weft.Context, method, url string, every sensors.Every) error {
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		return weft.Fail("%w", err)
	}
	return ReadyFor(ctx, request, every)
}

// ReadyFor is as [Ready], with a request that has its own method and headers, and no body.
func ReadyFor(ctx weft.Context, request *http.Request, every sensors.Every) error {
	return sensors.WaitUntil(ctx, func() (bool, error) {
		bounded, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		answer, err := http.DefaultClient.Do(request.WithContext(bounded))
		if err != nil {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			var failure *weft.Failure
			if errors.Is(err, weft.ErrDenied) || errors.As(err, &failure) && failure.Permanent {
				return false, err
			}
			slog.Info("not ready", "host", request.URL.Host, "error", err)
			return false, nil
		}
		answer.Body.Close()
		if answer.StatusCode/100 == 2 {
			return true, nil
		}
		slog.Info("not ready", "host", request.URL.Host, "status", answer.StatusCode)
		return false, nil
	}, every)
}

// Package wefthttp sends requests of net/http through the task's host. To import it is enough, after which
// http.Get, http.Client and http.DefaultTransport work within the task's grants:
//
//	import _ "weft.dev/weft/wefthttp"
//
// The host makes the connection, checks the certificate, and follows no redirect by itself; http.Client
// does, and each hop needs its grant. Outside of a component nothing changes.
package wefthttp

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"weft.dev/weft"
)

// Check makes an error of an answer whose status is 400 or more: one that is tried again, when Retry-After
// says, for 408, 425, 429 and from 500 on, and a permanent one else.
func Check(answer *http.Response) error {
	status := answer.StatusCode
	if status < http.StatusBadRequest {
		return nil
	}
	where := "the server"
	if answer.Request != nil {
		where = answer.Request.URL.Redacted()
	}
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if status < http.StatusInternalServerError {
			return weft.Fail("%s answered %d", where, status)
		}
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		return weft.Retry(time.Duration(seconds)*time.Second, "%s answered %d", where, status)
	}
	return fmt.Errorf("%s answered %d", where, status)
}

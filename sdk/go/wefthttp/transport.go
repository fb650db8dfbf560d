//go:build wasip1

package wefthttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weft.dev/weft"
	"weft.dev/weft/internal/bindings/imports/wasi_http_outgoing_handler"
	wasi "weft.dev/weft/internal/bindings/imports/wasi_http_types"
	"weft.dev/weft/internal/streams"
	witTypes "weft.dev/weft/internal/wit/types"
)

func init() { http.DefaultTransport = Transport{} }

// Transport is an http.RoundTripper over the host. It needs no settings, and has none.
type Transport struct{}

// RoundTrip sends a request and answers once the head of the response is there.
func (Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		defer request.Body.Close()
	}
	ctx := request.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	outgoing, err := outgoing(request)
	if err != nil {
		return nil, err
	}
	body := outgoing.Body()
	if body.IsErr() {
		return nil, errors.New("the request has no body to write")
	}
	sent := wasi_http_outgoing_handler.Handle(outgoing, options(ctx))
	if sent.IsErr() {
		return nil, failure(request, sent.Err())
	}
	future := sent.Ok()
	defer future.Drop()
	// A server may answer, or hang up, before it has read everything: then what it says counts.
	unsent := send(body.Ok(), request.Body)
	ready := future.Subscribe()
	defer ready.Drop()
	if err := streams.Wait(ready, ctx.Err); err != nil {
		return nil, err
	}
	answer := future.Get()
	if answer.IsNone() || answer.Some().IsErr() {
		return nil, errors.New("the host has no answer to the request")
	}
	if answer.Some().Ok().IsErr() {
		failed := failure(request, answer.Some().Ok().Err())
		if unsent != nil {
			failed = errors.Join(failed, unsent)
		}
		return nil, failed
	}
	return response(request, answer.Some().Ok().Ok())
}

func outgoing(request *http.Request) (*wasi.OutgoingRequest, error) {
	var entries []witTypes.Tuple2[string, []uint8]
	for name, values := range request.Header {
		for _, value := range values {
			entries = append(entries, witTypes.Tuple2[string, []uint8]{F0: name, F1: []byte(value)})
		}
	}
	if request.ContentLength > 0 {
		length := strconv.FormatInt(request.ContentLength, 10)
		entries = append(entries, witTypes.Tuple2[string, []uint8]{F0: "Content-Length", F1: []byte(length)})
	}
	fields := wasi.FieldsFromList(entries)
	if fields.IsErr() {
		return nil, weft.Fail("%s: a header is not allowed or not valid", request.URL.Redacted())
	}
	scheme := wasi.MakeSchemeHttps()
	switch request.URL.Scheme {
	case "https":
	case "http":
		scheme = wasi.MakeSchemeHttp()
	default:
		return nil, weft.Fail("%s is no URL of http or https", request.URL.Redacted())
	}
	outgoing := wasi.MakeOutgoingRequest(fields.Ok())
	for _, set := range []witTypes.Result[witTypes.Unit, witTypes.Unit]{
		outgoing.SetMethod(method(request.Method)),
		outgoing.SetScheme(witTypes.Some(scheme)),
		outgoing.SetAuthority(witTypes.Some(request.URL.Host)),
		outgoing.SetPathWithQuery(witTypes.Some(request.URL.RequestURI())),
	} {
		if set.IsErr() {
			return nil, weft.Fail("%s %s: the host does not take such a request", request.Method, request.URL.Redacted())
		}
	}
	return outgoing, nil
}

func method(name string) wasi.Method {
	switch name {
	case "", http.MethodGet:
		return wasi.MakeMethodGet()
	case http.MethodHead:
		return wasi.MakeMethodHead()
	case http.MethodPost:
		return wasi.MakeMethodPost()
	case http.MethodPut:
		return wasi.MakeMethodPut()
	case http.MethodDelete:
		return wasi.MakeMethodDelete()
	case http.MethodPatch:
		return wasi.MakeMethodPatch()
	case http.MethodOptions:
		return wasi.MakeMethodOptions()
	}
	return wasi.MakeMethodOther(name)
}

// options hands a deadline on. A host that can't keep one says so, and then waiting ends it.
func options(ctx context.Context) witTypes.Option[*wasi.RequestOptions] {
	deadline, known := ctx.Deadline()
	if !known {
		return witTypes.None[*wasi.RequestOptions]()
	}
	left := witTypes.Some(uint64(max(time.Until(deadline), time.Millisecond)))
	options := wasi.MakeRequestOptions()
	options.SetConnectTimeout(left)
	options.SetFirstByteTimeout(left)
	options.SetBetweenBytesTimeout(left)
	return witTypes.Some(options)
}

func send(body *wasi.OutgoingBody, from io.Reader) error {
	if from != nil && from != http.NoBody {
		stream := body.Write()
		if stream.IsErr() {
			return errors.New("the body can't be written")
		}
		writer := streams.NewWriter(stream.Ok())
		_, err := io.Copy(writer, from)
		writer.Close()
		if err != nil {
			return fmt.Errorf("the body was not sent whole: %w", err)
		}
	}
	if done := wasi.OutgoingBodyFinish(body, witTypes.None[*wasi.Fields]()); done.IsErr() {
		return errors.New("the body was not sent whole")
	}
	return nil
}

func response(request *http.Request, answer *wasi.IncomingResponse) (*http.Response, error) {
	status := int(answer.Status())
	fields := answer.Headers()
	header := http.Header{}
	for _, entry := range fields.Entries() {
		header.Add(entry.F0, string(entry.F1))
	}
	fields.Drop()
	body := answer.Consume()
	if body.IsErr() {
		return nil, errors.New("the answer has no body")
	}
	stream := body.Ok().Stream()
	if stream.IsErr() {
		return nil, errors.New("the answer's body can't be read")
	}
	reader := streams.NewReader(stream.Ok())
	reader.Stop = request.Context().Err
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", status, http.StatusText(status)),
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          &answered{reader, body.Ok(), answer},
		ContentLength: length(header),
		Request:       request,
	}, nil
}

func length(header http.Header) int64 {
	var bytes int64
	if _, err := fmt.Sscan(header.Get("Content-Length"), &bytes); err != nil {
		return -1
	}
	return bytes
}

// answered is the body of an answer. Its stream has to end before it does, and it before the answer.
type answered struct {
	*streams.Reader
	body   *wasi.IncomingBody
	answer *wasi.IncomingResponse
}

func (a *answered) Close() error {
	err := a.Reader.Close()
	if a.body != nil {
		a.body.Drop()
		a.answer.Drop()
		a.body = nil
	}
	return err
}

// failure is what the host says went wrong. What was not granted is not tried again.
func failure(request *http.Request, code wasi.ErrorCode) error {
	switch code.Tag() {
	case wasi.ErrorCode_HttpRequestDenied:
		host := request.URL.Host
		if request.URL.Scheme == "http" {
			host = "http://" + host
		}
		return fmt.Errorf("the request to %s was denied: ask for it with weft.HTTP(%q), and see that the policy allows it: %w",
			request.URL.Host, host, weft.ErrDenied)
	case wasi.ErrorCode_HttpRequestUriInvalid, wasi.ErrorCode_HttpRequestMethodInvalid:
		return weft.Fail("the host does not take such a request: %s", words(code))
	case wasi.ErrorCode_DnsTimeout, wasi.ErrorCode_ConnectionTimeout, wasi.ErrorCode_ConnectionReadTimeout,
		wasi.ErrorCode_ConnectionWriteTimeout, wasi.ErrorCode_HttpResponseTimeout:
		return tooLate(words(code))
	}
	return errors.New(words(code))
}

// tooLate is what the host says when time is over, which it may notice before the client does: a net.Error,
// as any other transport's.
type tooLate string

func (late tooLate) Error() string { return string(late) }

// Timeout says that it is a matter of time.
func (tooLate) Timeout() bool { return true }

// Temporary says that another try may help.
func (tooLate) Temporary() bool { return true }

// words are the code's name, and what it says more.
func words(code wasi.ErrorCode) string {
	switch code.Tag() {
	case wasi.ErrorCode_InternalError:
		return "internal error: " + code.InternalError().SomeOr("the host says no more")
	case wasi.ErrorCode_DnsError:
		return "the name was not found: " + code.DnsError().Rcode.SomeOr("the host says no more")
	}
	if name, known := codes[code.Tag()]; known {
		return name
	}
	return "the request failed with code " + strings.TrimSpace(fmt.Sprint(code.Tag()))
}

// codes are those that a task may well meet.
var codes = map[uint8]string{
	wasi.ErrorCode_DnsTimeout:              "the name server did not answer in time",
	wasi.ErrorCode_DestinationNotFound:     "the host was not found",
	wasi.ErrorCode_DestinationUnavailable:  "the host can't be reached",
	wasi.ErrorCode_DestinationIpProhibited: "the host's address is not allowed by the policy",
	wasi.ErrorCode_DestinationIpUnroutable: "the host's address can't be reached",
	wasi.ErrorCode_ConnectionRefused:       "the connection was refused",
	wasi.ErrorCode_ConnectionTerminated:    "the connection was closed",
	wasi.ErrorCode_ConnectionTimeout:       "the connection was not made in time",
	wasi.ErrorCode_ConnectionReadTimeout:   "the answer did not come in time",
	wasi.ErrorCode_ConnectionWriteTimeout:  "the request could not be sent in time",
	wasi.ErrorCode_ConnectionLimitReached:  "the task has too many connections",
	wasi.ErrorCode_TlsProtocolError:        "TLS failed",
	wasi.ErrorCode_TlsCertificateError:     "the certificate is not valid",
	wasi.ErrorCode_HttpResponseIncomplete:  "the answer ended early",
	wasi.ErrorCode_HttpResponseTimeout:     "the answer did not come in time",
	wasi.ErrorCode_HttpProtocolError:       "the answer is no HTTP",
}

//go:build wasip1

// Package streams makes Go's readers and writers of the host's streams. Waiting for one lets other
// goroutines run.
package streams

import (
	"errors"
	"io"
	"runtime"

	"weft.dev/weft/internal/bindings/imports/wasi_clocks_monotonic_clock"
	"weft.dev/weft/internal/bindings/imports/wasi_io_poll"
	"weft.dev/weft/internal/bindings/imports/wasi_io_streams"
)

const (
	// What blocking-write-and-flush takes at most, by its contract, in bytes.
	mostWritten = 4096
	// The size of one read, in bytes.
	mostRead = 64 << 10
	// The longest that the host is waited for before other goroutines have their turn, in nanoseconds.
	turn = 2_000_000
)

// waiting is what all goroutines wait for. There is one thread, so that nothing guards it.
var waiting = map[*wasi_io_poll.Pollable]struct{}{}

// Wait waits until something of the host is ready, or `stop` returns an error, which it returns.
func Wait(for_ *wasi_io_poll.Pollable, stop func() error) error {
	waiting[for_] = struct{}{}
	defer delete(waiting, for_)
	for !for_.Ready() {
		if err := stop(); err != nil {
			return err
		}
		runtime.Gosched()
		if for_.Ready() {
			return nil
		}
		timer := wasi_clocks_monotonic_clock.SubscribeDuration(turn)
		all := []*wasi_io_poll.Pollable{timer}
		for one := range waiting {
			all = append(all, one)
		}
		wasi_io_poll.Poll(all)
		timer.Drop()
	}
	return nil
}

// Never is for waiting as long as it takes.
func Never() error { return nil }

func failure(err wasi_io_streams.StreamError) error {
	if err.Tag() == wasi_io_streams.StreamError_Closed {
		return io.EOF
	}
	reason := err.LastOperationFailed()
	defer reason.Drop()
	return errors.New(reason.ToDebugString())
}

// Reader is a stream that is read.
type Reader struct {
	stream *wasi_io_streams.InputStream
	ready  *wasi_io_poll.Pollable
	rest   []byte
	end    error
	// Stop ends a wait with an error.
	Stop func() error
}

// NewReader takes a stream over.
func NewReader(stream *wasi_io_streams.InputStream) *Reader {
	return &Reader{stream: stream, ready: stream.Subscribe(), Stop: Never}
}

func (r *Reader) Read(into []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.end != nil || len(into) == 0 {
			return 0, r.end
		}
		part := r.stream.Read(mostRead)
		if part.IsErr() {
			r.end = failure(part.Err())
		} else if r.rest = part.Ok(); len(r.rest) == 0 {
			if err := Wait(r.ready, r.Stop); err != nil {
				return 0, err
			}
		}
	}
	count := copy(into, r.rest)
	r.rest = r.rest[count:]
	return count, nil
}

// Close ends it; twice is once.
func (r *Reader) Close() error {
	if r.stream != nil {
		r.ready.Drop()
		r.stream.Drop()
		r.stream, r.rest, r.end = nil, nil, errors.New("read after it was closed")
	}
	return nil
}

// Writer is a stream that is written.
type Writer struct{ stream *wasi_io_streams.OutputStream }

// NewWriter takes a stream over.
func NewWriter(stream *wasi_io_streams.OutputStream) *Writer { return &Writer{stream} }

func (w *Writer) Write(data []byte) (int, error) {
	if w.stream == nil {
		return 0, errors.New("written after it was closed")
	}
	for begin := 0; begin < len(data); begin += mostWritten {
		end := min(begin+mostWritten, len(data))
		if done := w.stream.BlockingWriteAndFlush(data[begin:end]); done.IsErr() {
			err := failure(done.Err())
			if err == io.EOF {
				err = io.ErrClosedPipe
			}
			return begin, err
		}
	}
	return len(data), nil
}

// Close ends it; twice is once.
func (w *Writer) Close() error {
	if w.stream != nil {
		w.stream.Drop()
		w.stream = nil
	}
	return nil
}

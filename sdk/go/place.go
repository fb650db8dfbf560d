package weft

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// The functions of this package, as the compiler names them.
const own = "weft.dev/weft."

// How many frames a place keeps: the author's is behind some of this package.
const depth = 8

// place is where the author called something of this package. Nothing is looked up before it is shown.
type place struct {
	callers [depth]uintptr
	count   int
}

func here() place {
	var p place
	p.count = runtime.Callers(2, p.callers[:])
	return p
}

func (p place) String() string {
	frames := runtime.CallersFrames(p.callers[:p.count])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, own) {
			return fmt.Sprintf("%s:%d", short(frame.File), frame.Line)
		}
		if !more {
			return "?"
		}
	}
}

// placeOf is where a function was written, if it is known.
func placeOf(function any) string {
	found := runtime.FuncForPC(reflect.ValueOf(function).Pointer())
	if found == nil {
		return "?"
	}
	file, line := found.FileLine(found.Entry())
	return fmt.Sprintf("%s:%d", short(file), line)
}

// short is a file within the author's module. A build that trims paths names files by their packages.
func short(file string) string {
	if filepath.IsAbs(file) {
		return filepath.Base(file)
	}
	return strings.TrimPrefix(file, module())
}

// module is the path of the author's module, with a slash.
var module = sync.OnceValue(func() string {
	build, known := debug.ReadBuildInfo()
	if !known || build.Main.Path == "" {
		return ""
	}
	return build.Main.Path + "/"
})

// authors is whether a function is of the author's module.
func authors(function string) bool {
	path := strings.TrimSuffix(module(), "/")
	return strings.HasPrefix(function, "main.") || path != "" && strings.HasPrefix(function, path)
}

// The most frames of a panic that are shown.
const mostFrames = 32

// panicked is where a panic began, and the author's frames that led to it. Called while it is recovered.
func panicked() (at string, trace string) {
	callers := make([]uintptr, 4*mostFrames)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	var lines []string
	for len(lines) < mostFrames {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, own) && len(lines) > 0 {
			// The frames below are this package, calling the task.
			break
		}
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") && !strings.HasPrefix(frame.Function, own) {
			found := fmt.Sprintf("%s:%d", short(frame.File), frame.Line)
			if at == "" && authors(frame.Function) {
				at = found
			}
			lines = append(lines, fmt.Sprintf("    at %s (%s)", frame.Function, found))
		}
		if !more {
			break
		}
	}
	return at, strings.Join(lines, "\n")
}

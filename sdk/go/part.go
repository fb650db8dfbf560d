package weft

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// pointed is the place of the field that a function points to, as a JSON pointer (RFC 6901), and its name.
// The function is given a value of no contents, and the address that it answers with says which field it is.
func pointed[T, P any](field func(*T) *P) (pointer, name string, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the function has to point to a field: %v", reason)
		}
	}()
	var whole T
	begin, at := uintptr(unsafe.Pointer(&whole)), uintptr(unsafe.Pointer(field(&whole)))
	t := reflect.TypeFor[T]()
	if at < begin || at >= begin+max(t.Size(), 1) {
		return "", "", fmt.Errorf("the function has to point to a field of the %s that it is given", t)
	}
	path, found := pathTo(t, at-begin, reflect.TypeFor[P]())
	if !found || len(path) == 0 {
		return "", "", fmt.Errorf("the function points to no field of %s that JSON has", t)
	}
	escaped := strings.NewReplacer("~", "~0", "/", "~1")
	for _, step := range path {
		pointer += "/" + escaped.Replace(step)
	}
	return pointer, path[len(path)-1], nil
}

func pathTo(t reflect.Type, offset uintptr, wanted reflect.Type) ([]string, bool) {
	if offset == 0 && t == wanted {
		return nil, true
	}
	switch t.Kind() {
	case reflect.Array:
		if size := t.Elem().Size(); size > 0 {
			index := offset / size
			if rest, found := pathTo(t.Elem(), offset%size, wanted); found {
				return append([]string{strconv.Itoa(int(index))}, rest...), true
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			if offset < field.Offset || offset >= field.Offset+max(field.Type.Size(), 1) {
				continue
			}
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			rest, found := pathTo(field.Type, offset-field.Offset, wanted)
			switch {
			case !found || name == "-" || (!field.IsExported() && !field.Anonymous):
				continue
			case field.Anonymous && name == "" && len(rest) > 0:
				return rest, true
			case name == "":
				name = field.Name
			}
			return append([]string{name}, rest...), true
		}
	}
	return nil, false
}

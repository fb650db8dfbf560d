package weft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// The deepest nesting of a value that is passed on.
const deepest = 1000

var errTooDeep = fmt.Errorf("it is nested more than %d deep, or holds itself", deepest)

// encode is a value as JSON. Slices and maps that are nil become empty ones, which their types say.
func encode(v reflect.Value) (json.RawMessage, error) {
	whole, err := filled(v, 0)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if whole.IsValid() {
		err = encoder.Encode(whole.Interface())
	} else {
		err = encoder.Encode(nil)
	}
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if whole.IsValid() && whole.Type() == reflect.TypeFor[None]() {
		return json.RawMessage("null"), nil
	}
	return bytes.TrimRight(text.Bytes(), "\n"), nil
}

// filled returns the value without nil slices and maps. Unchanged parts are not copied.
func filled(v reflect.Value, depth int) (reflect.Value, error) {
	if depth > deepest {
		return v, errTooDeep
	}
	if !v.IsValid() || !mayLack(v.Type(), nil) {
		return v, nil
	}
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			return reflect.MakeSlice(v.Type(), 0, 0), nil
		}
		return filledItems(v, reflect.MakeSlice(v.Type(), v.Len(), v.Len()), depth)
	case reflect.Array:
		return filledItems(v, reflect.New(v.Type()).Elem(), depth)
	case reflect.Map:
		return filledMap(v, depth)
	case reflect.Struct:
		whole := reflect.New(v.Type()).Elem()
		whole.Set(v)
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			field, err := filled(v.Field(i), depth+1)
			if err != nil {
				return v, err
			}
			whole.Field(i).Set(field)
		}
		return whole, nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, nil
		}
		inner, err := filled(v.Elem(), depth+1)
		if err != nil {
			return v, err
		}
		if v.Kind() == reflect.Interface {
			whole := reflect.New(v.Type()).Elem()
			whole.Set(inner)
			return whole, nil
		}
		whole := reflect.New(v.Type().Elem())
		whole.Elem().Set(inner)
		return whole, nil
	}
	return v, nil
}

func filledItems(v, whole reflect.Value, depth int) (reflect.Value, error) {
	if v.Kind() == reflect.Slice && !mayLack(v.Type().Elem(), nil) {
		return v, nil
	}
	for i := range v.Len() {
		item, err := filled(v.Index(i), depth+1)
		if err != nil {
			return v, err
		}
		whole.Index(i).Set(item)
	}
	return whole, nil
}

func filledMap(v reflect.Value, depth int) (reflect.Value, error) {
	if v.IsNil() {
		return reflect.MakeMap(v.Type()), nil
	}
	if !mayLack(v.Type().Elem(), nil) {
		return v, nil
	}
	whole := reflect.MakeMapWithSize(v.Type(), v.Len())
	for each := v.MapRange(); each.Next(); {
		item, err := filled(each.Value(), depth+1)
		if err != nil {
			return v, err
		}
		whole.SetMapIndex(each.Key(), item)
	}
	return whole, nil
}

// mayLack is whether a value of this type can hold a nil slice or map that encoding/json would write as null.
func mayLack(t reflect.Type, open []reflect.Type) bool {
	for _, outer := range open {
		if outer == t {
			return false
		}
	}
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && (with(t, marshaler) || with(t, textMarshaler)) {
		return false
	}
	open = append(open, t)
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Interface:
		return true
	case reflect.Pointer, reflect.Array:
		return mayLack(t.Elem(), open)
	case reflect.Struct:
		for i := range t.NumField() {
			if field := t.Field(i); field.IsExported() && mayLack(field.Type, open) {
				return true
			}
		}
	}
	return false
}

var errNull = errors.New("it is null, since the task that gives it was skipped; take a pointer, by weft.Optional")

// decode reads an input into a new value of its type, and answers with the pointer to it.
func decode(text []byte, t reflect.Type) (any, error) {
	into := reflect.New(t)
	if string(bytes.TrimSpace(text)) == "null" && !nullable(t) {
		return nil, errNull
	}
	if err := json.Unmarshal(text, into.Interface()); err != nil {
		return nil, misfit(err)
	}
	return into.Interface(), nil
}

// nullable is whether null says something to a type. For a list it would say that there is none.
func nullable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface:
		return true
	}
	return t == reflect.TypeFor[None]() || with(t, reflect.TypeFor[json.Unmarshaler]())
}

// misfit says in fewer words what encoding/json says.
func misfit(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	at := ""
	if wrong.Field != "" {
		at = wrong.Field + ": "
	}
	return fmt.Errorf("%sexpected %s, got %s", at, wrong.Type, wrong.Value)
}

package weft

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// schemaOf is the JSON Schema (2020-12) of what encoding/json makes of a type.
func schemaOf(t reflect.Type) (object, error) {
	m := schemaMaker{open: map[reflect.Type]bool{}, named: map[reflect.Type]string{}}
	schema, err := m.of(t, "")
	if err != nil {
		return nil, err
	}
	if len(m.definitions) > 0 {
		schema = append(append(object(nil), schema...), member{"$defs", m.definitions})
	}
	return schema, nil
}

// schemaMaker writes types where they are used, but for those that hold themselves.
type schemaMaker struct {
	open        map[reflect.Type]bool
	named       map[reflect.Type]string
	definitions object
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// anything is the schema of whatever JSON holds.
func anything() object { return object{} }

func typed(name string) object { return object{{"type", name}} }

func (m *schemaMaker) of(t reflect.Type, at string) (object, error) {
	switch t {
	case reflect.TypeFor[Artifact]():
		return object{
			{"type", "object"},
			{"properties", object{{"$artifact", typed("string")}}},
			{"required", []string{"$artifact"}},
			{"additionalProperties", false},
		}, nil
	case reflect.TypeFor[time.Time]():
		return append(typed("string"), member{"format", "date-time"}), nil
	case reflect.TypeFor[None]():
		return typed("null"), nil
	}
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		// What writes itself can be anything.
		if with(t, marshaler) {
			return anything(), nil
		}
		if with(t, textMarshaler) {
			return typed("string"), nil
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		return typed("boolean"), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return typed("integer"), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return append(typed("integer"), member{"minimum", 0}), nil
	case reflect.Float32, reflect.Float64:
		return typed("number"), nil
	case reflect.String:
		return typed("string"), nil
	case reflect.Pointer:
		return m.nullable(t.Elem(), at)
	case reflect.Slice, reflect.Array:
		return m.list(t, at)
	case reflect.Map:
		return m.dictionary(t, at)
	case reflect.Struct:
		return m.record(t, at)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return anything(), nil
		}
	}
	return nil, fmt.Errorf("%s%s can't be passed on as JSON", where(at), t)
}

// with also looks at the methods of pointers, which encoding/json finds where it can.
func with(t, wanted reflect.Type) bool {
	return t.Implements(wanted) || reflect.PointerTo(t).Implements(wanted)
}

func where(at string) string {
	if at == "" {
		return ""
	}
	return strings.TrimPrefix(at, ".") + ": "
}

func (m *schemaMaker) nullable(t reflect.Type, at string) (object, error) {
	schema, err := m.of(t, at)
	if err != nil || len(schema) == 0 {
		return schema, err
	}
	if name, simple := schema.get("type").(string); simple {
		both := append(object(nil), schema...)
		both.set("type", []string{name, "null"})
		return both, nil
	}
	return object{{"anyOf", []any{schema, typed("null")}}}, nil
}

func (m *schemaMaker) list(t reflect.Type, at string) (object, error) {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return append(typed("string"), member{"contentEncoding", "base64"}), nil
	}
	items, err := m.of(t.Elem(), at+"[]")
	if err != nil {
		return nil, err
	}
	schema := append(typed("array"), member{"items", items})
	if t.Kind() == reflect.Array {
		schema = append(schema, member{"minItems", t.Len()}, member{"maxItems", t.Len()})
	}
	return schema, nil
}

func (m *schemaMaker) dictionary(t reflect.Type, at string) (object, error) {
	switch t.Key().Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
	default:
		if !with(t.Key(), textMarshaler) {
			return nil, fmt.Errorf("%s%s: keys of JSON are text", where(at), t)
		}
	}
	values, err := m.of(t.Elem(), at+"[]")
	if err != nil {
		return nil, err
	}
	return append(typed("object"), member{"additionalProperties", values}), nil
}

func (m *schemaMaker) record(t reflect.Type, at string) (object, error) {
	if m.open[t] && m.named[t] == "" {
		m.named[t] = fmt.Sprintf("%s%d", strings.Map(plain, t.Name()), len(m.named))
	}
	if name := m.named[t]; name != "" {
		return object{{"$ref", "#/$defs/" + name}}, nil
	}
	m.open[t] = true
	defer delete(m.open, t)
	var properties object
	required := []string{}
	for _, field := range jsonFields(t) {
		schema, err := m.of(field.typ, at+"."+field.name)
		if err != nil {
			return nil, err
		}
		if field.quoted {
			schema = typed("string")
		}
		properties.set(field.name, schema)
		if !field.optional {
			required = append(required, field.name)
		}
	}
	schema := append(typed("object"), member{"properties", properties})
	if len(required) > 0 {
		schema = append(schema, member{"required", required})
	}
	if name := m.named[t]; name != "" {
		m.definitions.set(name, schema)
		return object{{"$ref", "#/$defs/" + name}}, nil
	}
	return schema, nil
}

// plain keeps the characters that a reference may contain.
func plain(letter rune) rune {
	if letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z' {
		return letter
	}
	return -1
}

type jsonField struct {
	name string
	typ  reflect.Type
	// Left out where it is empty.
	optional bool
	// Written as text.
	quoted bool
}

// jsonFields are a struct's fields as encoding/json has them, those of embedded structs among them.
func jsonFields(t reflect.Type) []jsonField {
	var found []jsonField
	taken := map[string]bool{}
	var embedded []reflect.Type
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" && options == "" {
			continue
		}
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if field.Anonymous && name == "" && inner.Kind() == reflect.Struct {
			embedded = append(embedded, inner)
			continue
		}
		if !field.IsExported() {
			continue
		}
		if name == "" {
			name = field.Name
		}
		taken[name] = true
		found = append(found, jsonField{
			name: name, typ: field.Type,
			optional: strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"),
			quoted:   strings.Contains(options, "string"),
		})
	}
	for _, inner := range embedded {
		if inner == t {
			continue
		}
		for _, field := range jsonFields(inner) {
			// An outer field hides an inner one.
			if !taken[field.name] {
				taken[field.name] = true
				found = append(found, field)
			}
		}
	}
	return found
}

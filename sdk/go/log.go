//go:build wasip1

package weft

import (
	"context"
	"log/slog"

	"weft.dev/weft/internal/bindings/imports/weft_dag_log"
	witTypes "weft.dev/weft/internal/wit/types"
)

type field = witTypes.Tuple2[string, string]

// hostLog hands lines to the host.
type hostLog struct {
	least slog.Leveler
	// What WithAttrs gave, and the groups that are open, as a prefix of names.
	fields []field
	group  string
}

func logHandler(least slog.Leveler) slog.Handler { return &hostLog{least: least} }

func (h *hostLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.least.Level()
}

func (h *hostLog) Handle(_ context.Context, record slog.Record) error {
	fields := h.fields[:len(h.fields):len(h.fields)]
	record.Attrs(func(attr slog.Attr) bool {
		fields = appendField(fields, h.group, attr)
		return true
	})
	weft_dag_log.Write(levelOf(record.Level), record.Message, fields)
	return nil
}

func (h *hostLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.fields = h.fields[:len(h.fields):len(h.fields)]
	for _, attr := range attrs {
		with.fields = appendField(with.fields, h.group, attr)
	}
	return &with
}

func (h *hostLog) WithGroup(name string) slog.Handler {
	with := *h
	if name != "" {
		with.group += name + "."
	}
	return &with
}

func appendField(fields []field, group string, attr slog.Attr) []field {
	value := attr.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		if attr.Key == "" {
			return fields
		}
		return append(fields, field{F0: group + attr.Key, F1: value.String()})
	}
	if attr.Key != "" {
		group += attr.Key + "."
	}
	for _, inner := range value.Group() {
		fields = appendField(fields, group, inner)
	}
	return fields
}

func levelOf(level slog.Level) weft_dag_log.Level {
	switch {
	case level >= slog.LevelError:
		return weft_dag_log.Level_Error
	case level >= slog.LevelWarn:
		return weft_dag_log.Level_Warn
	case level >= slog.LevelInfo:
		return weft_dag_log.Level_Info
	case level >= slog.LevelDebug:
		return weft_dag_log.Level_Debug
	}
	return weft_dag_log.Level_Trace
}

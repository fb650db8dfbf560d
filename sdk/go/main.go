package weft

import "log/slog"

// Main names the program's DAGs; it is all that a program's main does. In a component it only notes them.
// Elsewhere, under `go run`, it prints their document, or what is wrong with them.
func Main(dags ...*Dag) { serve(dags) }

// LogHandler writes lines to the task's log, with attributes as fields. In a component it is behind
// slog and log already, from Info on: a program that wants more sets another level, with
// slog.SetDefault(slog.New(weft.LogHandler(slog.LevelDebug))).
func LogHandler(least slog.Leveler) slog.Handler { return logHandler(least) }

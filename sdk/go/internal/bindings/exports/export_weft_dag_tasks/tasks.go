//go:build wasip1

// Package export_weft_dag_tasks is what the generated exports call; package weft sets both functions. It is
// the only package here that is written by hand.
package export_weft_dag_tasks

import (
	"weft.dev/weft/internal/bindings/imports/weft_dag_types"
	witTypes "weft.dev/weft/internal/wit/types"
)

// Describe answers with the document.
var Describe func() witTypes.Result[string, string]

// Run runs one attempt of a task.
var Run func(task string, inputs []witTypes.Tuple2[string, string]) witTypes.Result[weft_dag_types.Outcome, weft_dag_types.Failure]

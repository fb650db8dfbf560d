//go:build wasip1

package weft

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	_ "unsafe" // for go:linkname

	"weft.dev/weft/internal/bindings/exports/export_weft_dag_tasks"
	_ "weft.dev/weft/internal/bindings/exports/wit_exports" // the component's exports
	"weft.dev/weft/internal/bindings/imports/weft_dag_types"
	witTypes "weft.dev/weft/internal/wit/types"
)

// The author's main. Nothing calls it in a library, which a component is.
//
//go:linkname authorsMain main.main
func authorsMain()

func init() {
	export_weft_dag_tasks.Describe = describeComponent
	export_weft_dag_tasks.Run = runTask
	slog.SetDefault(slog.New(logHandler(slog.LevelInfo)))
}

// served is what Main was given.
var served []*Dag

func serve(dags []*Dag) { served = append(served, dags...) }

// program runs the author's main, once.
var program = sync.OnceValues(func() (dags []*Dag, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			at, trace := panicked()
			err = fmt.Errorf("main panics: %v (%s)\n%s", reason, at, trace)
		}
	}()
	authorsMain()
	return served, nil
})

func describeComponent() witTypes.Result[string, string] {
	dags, err := program()
	if err != nil {
		return witTypes.Err[string, string](err.Error())
	}
	document, err := describe(dags)
	if err != nil {
		return witTypes.Err[string, string](err.Error())
	}
	return witTypes.Ok[string, string](string(document))
}

type result = witTypes.Result[weft_dag_types.Outcome, weft_dag_types.Failure]

func runTask(task string, inputs []witTypes.Tuple2[string, string]) result {
	dags, err := program()
	if err != nil {
		return failure(failed{message: err.Error()})
	}
	n := names(dags)[task]
	if n == nil {
		return failure(failed{message: fmt.Sprintf("there is no task %q in this program", task)})
	}
	given := make(map[string]json.RawMessage, len(inputs))
	for _, in := range inputs {
		given[in.F0] = json.RawMessage(in.F1)
	}
	switch end := n.attempt(newHost(), given); {
	case end.failure != nil:
		return failure(*end.failure)
	case end.control != nil:
		return success(weft_dag_types.MakeOutcomeControl(string(end.control)))
	default:
		return success(weft_dag_types.MakeOutcomeSuccess(string(end.output)))
	}
}

func success(outcome weft_dag_types.Outcome) result {
	return witTypes.Ok[weft_dag_types.Outcome, weft_dag_types.Failure](outcome)
}

func failure(end failed) result {
	more := witTypes.None[string]()
	if end.more != nil {
		more = witTypes.Some(string(end.more))
	}
	return witTypes.Err[weft_dag_types.Outcome](weft_dag_types.Failure{
		Retryable: end.retryable, Message: end.message, More: more,
	})
}

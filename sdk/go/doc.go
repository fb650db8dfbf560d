// Package weft makes DAGs whose tasks are functions of this program.
//
//	func main() { weft.Main(Quakes()) }
//
//	func Quakes() *weft.Dag {
//		d := weft.DAG("quakes", weft.Schedule("0 6 * * *"))
//		url := weft.Param(d, "url", "https://earthquake.example.org/day.json")
//		rows := weft.Task(d, "extract", extract, url, weft.Retries(3), weft.HTTP("earthquake.example.org"))
//		weft.Task(d, "strongest", strongest, rows)
//		return d
//	}
//
// A task is a function of a [Context] and its inputs that returns an output and an error. Building a DAG
// runs no task: a [Value] is a placeholder that carries its type, so that an edge whose types
// don't fit does not compile. `wfctl build` makes a component of the program.
//
// Nothing here starts goroutines, reads clocks or opens files by itself.
package weft

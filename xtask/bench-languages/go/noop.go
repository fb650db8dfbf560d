// Package main holds a task that does nothing, in Go.
package main

import "weft.dev/weft"

func main() {
	d := weft.DAG("does_nothing")
	weft.Task0(d, "noop", noop)
	weft.Main(d)
}

func noop(ctx weft.Context) (any, error) {
	return nil, nil
}

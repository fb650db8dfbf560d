//go:build !wasip1

package weft

import (
	"fmt"
	"log/slog"
	"os"
)

func serve(dags []*Dag) {
	document, err := describe(dags)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(document))
}

func logHandler(least slog.Leveler) slog.Handler {
	return slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: least})
}

// Package main holds tasks.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"dags/shapes"
	"weft.dev/weft"
)

func main() { weft.Main(tasks(), echoes(), web()) }

func tasks() *weft.Dag {
	d := weft.DAG("tasks")
	weft.Task0(d, "logs", logs)
	weft.Task(d, "panics", panics, weft.Const("list", []int{1}))
	weft.Task0(d, "misfits", misfits)
	weft.Task0(d, "permanent", permanent, weft.Retries(5))
	weft.Task0(d, "again", again, weft.Retries(3), weft.RetryDelay(time.Millisecond))
	skipped := weft.Task0(d, "skips", skips)
	weft.Task(d, "lacks", lacks, weft.Optional(skipped), weft.When(weft.AllDone))
	weft.Task0(d, "defers", defers)
	weft.Task0(d, "goroutines", goroutines)
	weft.Task0(d, "random", random)
	weft.Task(d, "reads", reads, weft.Task0(d, "writes", writes))
	judged := weft.Task0(d, "judge", judge)
	weft.Task0(d, "taken", nothing, weft.After(judged))
	weft.Task0(d, "left", nothing, weft.After(judged))
	weft.Task0(d, "exits", exits)
	return d
}

func logs(ctx weft.Context) (string, error) {
	slog.Info("a line", "colour", "red", slog.Group("of", "one", 1))
	slog.Debug("not from debug on")
	log.Printf("%d of log", 1)
	slog.With("all", true).Error("loud")
	fmt.Println("printed")
	ctx.Progress(0.5, "half way")
	return shapes.Shout(ctx.Attempt().DAG), nil
}

func panics(_ weft.Context, list []int) (int, error) {
	return shapes.At(list, 7), nil
}

func misfits(weft.Context) (float64, error) { return math.NaN(), nil }

func permanent(weft.Context) (int, error) { return 0, weft.Fail("no use to try again") }

func again(ctx weft.Context) (int, error) {
	if number := ctx.Attempt().Number; number < 3 {
		return 0, fmt.Errorf("attempt %d: %w", number, errors.New("down"))
	}
	return ctx.Attempt().Number, nil
}

func skips(weft.Context) (string, error) { return "", weft.Skip("nothing to do") }

func lacks(_ weft.Context, text *string) (bool, error) { return text == nil, nil }

func defers(ctx weft.Context) (int, error) {
	var seen int
	if _, err := ctx.Resumed(&seen); err != nil {
		return 0, err
	}
	if seen < 2 {
		return 0, weft.DeferFor(10*time.Millisecond, seen+1)
	}
	return seen, nil
}

func goroutines(ctx weft.Context) ([]int, error) {
	var all sync.WaitGroup
	squares := make([]int, 5)
	for i := range squares {
		all.Go(func() {
			time.Sleep(time.Millisecond)
			squares[i] = i * i
		})
	}
	all.Wait()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(5 * time.Millisecond):
	}
	return squares, nil
}

func random(weft.Context) (uint64, error) { return rand.Uint64() >> 11, nil }

func writes(ctx weft.Context) (weft.Artifact, error) {
	if err := os.WriteFile("/scratch.txt", make([]byte, 10_000), 0o600); err != nil {
		return weft.Artifact{}, err
	}
	data, err := os.ReadFile("/scratch.txt")
	if err != nil {
		return weft.Artifact{}, err
	}
	return weft.WriteArtifact(ctx, data, "text/plain")
}

func reads(ctx weft.Context, artifact weft.Artifact) (int, error) {
	data, err := weft.ReadArtifact(ctx, artifact)
	return len(data), err
}

func judge(weft.Context) (weft.Choice, error) { return weft.Choose("taken"), nil }

func nothing(weft.Context) (weft.None, error) { return weft.None{}, nil }

func exits(weft.Context) (int, error) {
	log.Fatal("gone")
	return 0, nil
}

func echoes() *weft.Dag {
	d := weft.DAG("echoes")
	value := weft.Param(d, "value", json.RawMessage("1"))
	weft.Task(d, "echo", echo, value)
	return d
}

func echo(_ weft.Context, value json.RawMessage) ([2]any, error) {
	var read any
	err := json.Unmarshal(value, &read)
	return [2]any{value, read}, err
}

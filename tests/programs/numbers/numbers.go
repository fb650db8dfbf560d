// A program that knows nothing of Weft, in Go: see ../README.md for what it does.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
)

const (
	quiet    = 3
	unusable = 65
)

// inputs are those of both tasks; each has one of them.
type inputs struct {
	Numbers []int64   `json:"numbers"`
	Parts   [][]int64 `json:"parts"`
}

func part(numbers []int64) error {
	var sum int64
	for _, number := range numbers {
		sum += number
	}
	return json.NewEncoder(os.Stdout).Encode([]int64{int64(len(numbers)), sum, slices.Max(numbers)})
}

func whole(parts [][]int64, threshold int64) error {
	var count, sum int64
	most := parts[0][2]
	for _, part := range parts {
		count += part[0]
		sum += part[1]
		most = max(most, part[2])
	}
	fmt.Fprintln(os.Stderr, len(parts), "parts")
	if most < threshold {
		os.Exit(quiet)
	}
	page := fmt.Sprintf("%d in %d parts, at most %d\n", count, len(parts), most)
	if err := os.WriteFile("/out/page.txt", []byte(page), 0o666); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		Count int64 `json:"count"`
		Sum   int64 `json:"sum"`
		Most  int64 `json:"most"`
	}{count, sum, most})
}

func main() {
	var in inputs
	err := json.NewDecoder(os.Stdin).Decode(&in)
	args := os.Args[1:]
	switch {
	case err != nil:
	case len(args) == 1 && args[0] == "part" && len(in.Numbers) > 0:
		err = part(in.Numbers)
	case len(args) == 2 && args[0] == "whole" && len(in.Parts) > 0:
		var threshold int64
		if threshold, err = strconv.ParseInt(args[1], 10, 64); err == nil {
			err = whole(in.Parts, threshold)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: part | whole THRESHOLD, with numbers on standard input")
		os.Exit(unusable)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

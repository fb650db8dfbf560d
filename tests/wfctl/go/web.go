package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"weft.dev/weft"
	"weft.dev/weft/wefthttp"
)

func web() *weft.Dag {
	d := weft.DAG("web")
	base := weft.Param(d, "base", "")
	weft.Task(d, "get", get, base, weft.HTTP("WEB_GRANT"))
	weft.Task(d, "waits", waits, weft.Param(d, "silent", ""), weft.HTTP("SILENT_GRANT"))
	weft.Task0(d, "denied", denied, weft.Retries(3))
	weft.Task0(d, "denied_variable", deniedVariable, weft.Retries(3))
	weft.Task0(d, "named", named, weft.Variables("name"))
	return d
}

type answer struct {
	Path  string `json:"path"`
	Bytes int    `json:"bytes"`
}

func read(response *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	var read answer
	return read, json.NewDecoder(response.Body).Decode(&read)
}

func get(ctx weft.Context, base string) ([]any, error) {
	request, err := http.NewRequestWithContext(ctx, "GET", base+"/u?a=1", nil)
	if err != nil {
		return nil, err
	}
	first, err := read(http.DefaultClient.Do(request))
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: 10 * time.Second}
	found := make(chan answer)
	for range 2 {
		go func() {
			second, err := read(client.Post(base+"/second", "text/plain", strings.NewReader(strings.Repeat("x", 10_000))))
			if err != nil {
				second.Path = err.Error()
			}
			found <- second
		}()
	}
	one, other := <-found, <-found
	missing, err := http.Get(base + "/missing")
	if err != nil {
		return nil, err
	}
	missing.Body.Close()
	return []any{first, one, other, wefthttp.Check(missing) != nil}, nil
}

// The server takes the connection and says nothing; other goroutines go on.
func waits(_ weft.Context, silent string) ([]bool, error) {
	ticks := 0
	go func() {
		for ; ; ticks++ {
			time.Sleep(5 * time.Millisecond)
		}
	}()
	client := http.Client{Timeout: 200 * time.Millisecond}
	_, err := client.Get(silent)
	var timeout net.Error
	return []bool{errors.As(err, &timeout) && timeout.Timeout(), ticks > 2}, nil
}

func denied(weft.Context) (int, error) {
	_, err := http.Get("https://api.example.org/")
	return 0, err
}

func deniedVariable(ctx weft.Context) (string, error) { return ctx.Variable("secret") }

func named(ctx weft.Context) (string, error) { return ctx.Variable("name") }

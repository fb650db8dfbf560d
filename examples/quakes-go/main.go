// Package main is a week of earthquakes, region by region: examples/quakes, in Go.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"quakes.example/dags/stats"
	"quakes.example/data"
	"weft.dev/weft"
)

// Checked is what is left of the feed, and why the rest is not.
type Checked struct {
	Quakes   []stats.Quake  `json:"quakes"`
	Rejected map[string]int `json:"rejected"`
}

// Report is what the week comes to.
type Report struct {
	Notice string        `json:"notice"`
	Page   weft.Artifact `json:"page"`
}

func main() { weft.Main(Quakes()) }

// Quakes says who waits for whom.
func Quakes() *weft.Dag {
	d := weft.DAG("quakes", weft.Tags("example"), weft.Description("A week of earthquakes, region by region."))
	threshold := weft.Param(d, "threshold", 7.0)
	outage := weft.Param(d, "outage", 1)

	events := weft.Task(d, "feed", feed, outage,
		weft.Retries(3), weft.RetryDelay(200*time.Millisecond), weft.Timeout(30*time.Second),
		weft.Description("Read the feed, whose server is down for the first attempts."))
	checked := weft.Task(d, "validate", validate, events,
		weft.Description("Put aside what is no earthquake, or can't be true."))
	quakes := weft.Part(checked, func(c *Checked) *[]stats.Quake { return &c.Quakes })
	rejected := weft.Part(checked, func(c *Checked) *map[string]int { return &c.Rejected })
	regions := weft.Task(d, "regions", regions, quakes, weft.Description("Group by region."))
	summaries := weft.Expand(d, "summarise", summarise, regions.As("region"), weft.Description("One region in numbers."))
	earth := weft.Task2(d, "world", world, summaries, rejected, weft.Description("All regions together."))
	judged := weft.Task2(d, "judge", judge, earth, threshold, weft.Description("Decide which notice the week needs."))
	alarm := weft.Task2(d, "alert", alert, earth, threshold, weft.After(judged), weft.Description("Somebody has to act."))
	calm := weft.Task(d, "all_clear", allClear, threshold, weft.After(judged), weft.Description("No action is needed."))
	weft.Task3(d, "report", report, earth, weft.Optional(alarm), weft.Optional(calm),
		weft.When(weft.NoneFailedMinOneSuccess), weft.Description("Write the page."))
	return d
}

func feed(ctx weft.Context, outage int) ([]stats.Event, error) {
	if ctx.Attempt().Number <= outage {
		return nil, weft.Retry(100*time.Millisecond, "the feed's server answered 503")
	}
	var week struct {
		Features []stats.Event `json:"features"`
	}
	if err := json.Unmarshal(data.Feed, &week); err != nil {
		return nil, weft.Fail("the feed: %w", err)
	}
	slog.Info(fmt.Sprintf("%d events in the feed", len(week.Features)))
	return week.Features, nil
}

func validate(_ weft.Context, events []stats.Event) (Checked, error) {
	checked := Checked{Rejected: map[string]int{}}
	seen := map[string]bool{}
	for _, event := range events {
		reason := stats.Rejection(event)
		if reason == "" && seen[event.ID] {
			reason = "reported twice"
		}
		if reason != "" {
			checked.Rejected[reason]++
			continue
		}
		seen[event.ID] = true
		checked.Quakes = append(checked.Quakes, stats.QuakeOf(event))
	}
	for reason, count := range checked.Rejected {
		slog.Warn("put aside", "reason", reason, "count", count)
	}
	return checked, nil
}

func regions(_ weft.Context, quakes []stats.Quake) ([]stats.Region, error) {
	return stats.ByRegion(quakes), nil
}

func summarise(_ weft.Context, region stats.Region) (stats.Summary, error) {
	return stats.Summarise(region), nil
}

func world(_ weft.Context, summaries []stats.Summary, rejected map[string]int) (stats.World, error) {
	if len(summaries) == 0 {
		return stats.World{}, weft.Fail("there was no earthquake")
	}
	return stats.Together(summaries, rejected), nil
}

func judge(_ weft.Context, world stats.World, threshold float64) (weft.Choice, error) {
	if world.Strongest.Magnitude >= threshold {
		return weft.Choose("alert"), nil
	}
	return weft.Choose("all_clear"), nil
}

func alert(_ weft.Context, world stats.World, threshold float64) (string, error) {
	strongest := world.Strongest
	return fmt.Sprintf("An earthquake of magnitude %v, %s, reached %.1f.", strongest.Magnitude, strongest.Place, threshold), nil
}

func allClear(_ weft.Context, threshold float64) (string, error) {
	return fmt.Sprintf("No earthquake reached magnitude %.1f.", threshold), nil
}

func report(ctx weft.Context, world stats.World, alarm, calm *string) (Report, error) {
	notice := alarm
	if notice == nil {
		notice = calm
	}
	if notice == nil {
		return Report{}, weft.Fail("neither notice was written")
	}
	var page strings.Builder
	fmt.Fprintf(&page, "# A week of earthquakes\n\n%s\n\n| region | earthquakes | strongest |\n|---|---|---|\n", *notice)
	for index, one := range world.Ranking {
		ctx.Progress(float64(index)/float64(len(world.Ranking)), one.Region)
		fmt.Fprintf(&page, "| %s | %d | %v |\n", one.Region, one.Count, one.Strongest)
	}
	artifact, err := weft.WriteArtifact(ctx, []byte(page.String()), "text/markdown")
	return Report{*notice, artifact}, err
}

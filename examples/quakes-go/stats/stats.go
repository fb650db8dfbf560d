// Package stats is what is computed, without Weft: rules and formulas are those of examples/quakes.
package stats

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// From so many earthquakes on a b-value means something.
const enough = 30

var short = map[string]string{"CA": "California", "NV": "Nevada", "MX": "Mexico"}

// Event is an event of the feed.
type Event struct {
	ID         string `json:"id"`
	Properties struct {
		Type  string   `json:"type"`
		Place *string  `json:"place"`
		Mag   *float64 `json:"mag"`
		Time  int64    `json:"time"`
	} `json:"properties"`
	Geometry struct {
		Coordinates []float64 `json:"coordinates"`
	} `json:"geometry"`
}

// Quake is an event that counts.
type Quake struct {
	ID        string  `json:"id"`
	TimeMs    int64   `json:"time_ms"`
	Place     string  `json:"place"`
	Magnitude float64 `json:"magnitude"`
	Longitude float64 `json:"longitude"`
	Latitude  float64 `json:"latitude"`
	DepthKm   float64 `json:"depth_km"`
}

// Region is what happened in one.
type Region struct {
	Name   string  `json:"name"`
	Quakes []Quake `json:"quakes"`
}

// Summary is a region in numbers.
type Summary struct {
	Region       string      `json:"region"`
	Count        int         `json:"count"`
	Strongest    Quake       `json:"strongest"`
	EnergyJoules float64     `json:"energy_joules"`
	BValue       *float64    `json:"b_value"`
	Histogram    map[int]int `json:"histogram"`
}

// Rank is a region beside the others.
type Rank struct {
	Region      string   `json:"region"`
	Count       int      `json:"count"`
	Strongest   float64  `json:"strongest"`
	EnergyShare float64  `json:"energy_share"`
	BValue      *float64 `json:"b_value"`
}

// World is all regions together.
type World struct {
	Count        int            `json:"count"`
	Rejected     map[string]int `json:"rejected"`
	Regions      int            `json:"regions"`
	Strongest    Quake          `json:"strongest"`
	EnergyJoules float64        `json:"energy_joules"`
	Histogram    map[int]int    `json:"histogram"`
	Ranking      []Rank         `json:"ranking"`
}

// Rejection is why an event does not count, or nothing.
func Rejection(event Event) string {
	properties, at := event.Properties, event.Geometry.Coordinates
	switch {
	case properties.Type != "earthquake":
		return properties.Type
	case properties.Place == nil || strings.TrimSpace(*properties.Place) == "":
		return "no place"
	case properties.Mag == nil || *properties.Mag < -2 || *properties.Mag > 10:
		return "no plausible magnitude"
	case len(at) != 3 || math.Abs(at[0]) > 180 || math.Abs(at[1]) > 90:
		return "not on Earth"
	case at[2] < -10 || at[2] > 750:
		return "no plausible depth"
	}
	return ""
}

// QuakeOf is an event that was not rejected.
func QuakeOf(event Event) Quake {
	at := event.Geometry.Coordinates
	return Quake{event.ID, event.Properties.Time, *event.Properties.Place, *event.Properties.Mag, at[0], at[1], at[2]}
}

// ByRegion groups earthquakes, by name.
func ByRegion(quakes []Quake) []Region {
	grouped := map[string][]Quake{}
	for _, quake := range quakes {
		name := regionOf(quake)
		grouped[name] = append(grouped[name], quake)
	}
	var regions []Region
	for name, quakes := range grouped {
		regions = append(regions, Region{name, quakes})
	}
	slices.SortFunc(regions, func(a, b Region) int { return cmp.Compare(a.Name, b.Name) })
	return regions
}

func regionOf(quake Quake) string {
	last := strings.TrimSpace(quake.Place[strings.LastIndex(quake.Place, ", ")+1:])
	if name, known := short[last]; known {
		return name
	}
	return last
}

// Summarise is one region in numbers.
func Summarise(region Region) Summary {
	found := Summary{Region: region.Name, Count: len(region.Quakes), Histogram: map[int]int{}}
	found.Strongest = firstStrongest(region.Quakes)
	var magnitudes []float64
	for _, quake := range region.Quakes {
		// In joules, after Gutenberg and Richter.
		found.EnergyJoules += math.Pow(10, 1.5*quake.Magnitude+4.8)
		found.Histogram[int(math.Floor(quake.Magnitude))]++
		magnitudes = append(magnitudes, quake.Magnitude)
	}
	found.BValue = bValue(magnitudes)
	return found
}

func firstStrongest(quakes []Quake) Quake {
	return slices.MaxFunc(quakes, func(a, b Quake) int {
		return cmp.Or(cmp.Compare(a.Magnitude, b.Magnitude), cmp.Compare(b.TimeMs, a.TimeMs))
	})
}

// bValue is Aki's estimate over what lies at or above the fullest tenth.
func bValue(magnitudes []float64) *float64 {
	tenth := func(magnitude float64) int { return int(math.Floor(magnitude*10 + 0.5)) }
	fullness := map[int]int{}
	for _, magnitude := range magnitudes {
		fullness[tenth(magnitude)]++
	}
	complete, fullest := 0, 0
	for at, count := range fullness {
		if count > fullest || count == fullest && at < complete {
			complete, fullest = at, count
		}
	}
	var sum float64
	above := 0
	for _, magnitude := range magnitudes {
		if tenth(magnitude) >= complete {
			sum += magnitude
			above++
		}
	}
	if above < enough {
		return nil
	}
	value := math.Log10E / (sum/float64(above) - (float64(complete)/10 - 0.05))
	return &value
}

// Together puts the regions together; there has to be one.
func Together(summaries []Summary, rejected map[string]int) World {
	world := World{Rejected: rejected, Regions: len(summaries), Histogram: map[int]int{}}
	var strongest []Quake
	for _, one := range summaries {
		world.Count += one.Count
		world.EnergyJoules += one.EnergyJoules
		strongest = append(strongest, one.Strongest)
		for magnitude, count := range one.Histogram {
			world.Histogram[magnitude] += count
		}
	}
	world.Strongest = firstStrongest(strongest)
	for _, one := range summaries {
		world.Ranking = append(world.Ranking, Rank{
			one.Region, one.Count, one.Strongest.Magnitude, one.EnergyJoules / world.EnergyJoules, one.BValue,
		})
	}
	slices.SortFunc(world.Ranking, func(a, b Rank) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Region, b.Region))
	})
	return world
}

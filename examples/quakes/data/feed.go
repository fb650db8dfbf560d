// Package data holds the feed, for examples in Go: their compiler embeds only what lies beside a source.
package data

import _ "embed"

// Feed is a week of earthquakes, as GeoJSON.
//
//go:embed earthquakes.json
var Feed []byte

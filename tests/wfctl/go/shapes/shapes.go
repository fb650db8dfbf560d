// Package shapes is for all tasks.
package shapes

import "strings"

// Shout shouts.
func Shout(text string) string { return strings.ToUpper(text) }

// At is an item that may not be there.
func At(list []int, index int) int {
	return list[index]
}

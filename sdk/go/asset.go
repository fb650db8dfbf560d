package weft

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Assets are named data that tasks update, and conditions on them create runs. The server checks all of this again:
// what is refused here is refused before anything is built or run.
const (
	// The longest name and the longest partition, in bytes.
	maxNameBytes      = 250
	maxPartitionBytes = 250
	// The longest metadata of an update, in bytes of JSON.
	maxMetadataBytes = 4 << 10
	// The most assets that a task updates, and that a condition names.
	maxOutlets         = 64
	maxConditionAssets = 64
	// The deepest nesting of conditions.
	maxConditionDepth = 8
	// The most updates of one attempt.
	maxUpdates = 256
)

// Outlets names the assets that each success of the task updates. [Update] adds partitions and metadata.
func Outlets(assets ...string) TaskOption { return outlets(assets) }

type outlets []string

func (all outlets) onTask(n *node) {
	known, _ := n.settings.get("outlets").([]string)
	for _, asset := range all {
		if err := checkAsset(asset); err != nil {
			n.problem("%w", err)
		} else if slices.Contains(known, asset) {
			n.problem("the outlet %q occurs twice", asset)
		} else {
			known = append(known, asset)
		}
	}
	if len(known) > maxOutlets {
		n.problem("it updates at most %d assets, not %d", maxOutlets, len(known))
	}
	n.settings.set("outlets", known)
}

// Condition is a condition on assets, under which a DAG's runs are created: [Asset], [AllOf], [AnyOf] or [Within].
type Condition interface {
	// add writes the condition and collects the assets that it names.
	add(named map[string]bool, depth int) (any, error)
}

// Asset is the condition that an asset of this name was updated since the DAG's last run that assets created.
type Asset string

type several struct {
	kind  string
	parts []Condition
}

type recent struct {
	asset string
	span  time.Duration
}

// AllOf holds where all of these do.
func AllOf(conditions ...Condition) Condition { return several{"all", conditions} }

// AnyOf holds where one of these does.
func AnyOf(conditions ...Condition) Condition { return several{"any", conditions} }

// Within holds while an asset's last update is at most this long ago.
func Within(asset string, span time.Duration) Condition { return recent{asset, span} }

// OnAssets creates runs when all of these conditions hold, beside the schedule if there is one. A parameter "assets" of
// type map[string][]RecordedUpdate has what a run was made of.
func OnAssets(conditions ...Condition) DAGOption {
	if len(conditions) == 1 {
		return onAssets{conditions[0]}
	}
	return onAssets{AllOf(conditions...)}
}

type onAssets struct{ condition Condition }

func (o onAssets) onDAG(d *Dag) {
	named := map[string]bool{}
	document, err := written(o.condition, named, 1)
	switch {
	case err != nil:
		d.problem(d.at, "DAG %s: %w", d.id, err)
	case len(named) > maxConditionAssets:
		d.problem(d.at, "DAG %s: a condition names at most %d assets, not %d", d.id, maxConditionAssets, len(named))
	default:
		d.settings.set("on_assets", document)
	}
}

func written(condition Condition, named map[string]bool, depth int) (any, error) {
	if depth > maxConditionDepth {
		return nil, fmt.Errorf("conditions are nested at most %d deep", maxConditionDepth)
	}
	if condition == nil {
		return nil, errors.New(`a condition is nil; it is weft.Asset("orders"), AllOf, AnyOf or Within`)
	}
	return condition.add(named, depth)
}

func (a Asset) add(named map[string]bool, _ int) (any, error) {
	named[string(a)] = true
	return string(a), checkAsset(string(a))
}

func (s several) add(named map[string]bool, depth int) (any, error) {
	if len(s.parts) == 0 {
		return nil, errors.New("a condition names at least one asset")
	}
	var parts []any
	for _, one := range s.parts {
		part, err := written(one, named, depth+1)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return object{{s.kind, parts}}, nil
}

func (r recent) add(named map[string]bool, _ int) (any, error) {
	named[r.asset] = true
	if r.span <= 0 {
		return nil, fmt.Errorf("the asset %s can't be updated within %s", r.asset, r.span)
	}
	return object{{"asset", r.asset}, {"within", seconds(r.span)}}, checkAsset(r.asset)
}

// AssetUpdate is what consumers should know of an update.
type AssetUpdate struct {
	// One of the task's outlets.
	Asset string
	// Which part of the asset, such as a date; none where it is "".
	Partition string
	// At most 4 KiB of JSON: a map or a struct that JSON makes an object of; nil for none.
	Metadata any
}

// RecordedUpdate is an update as a run that assets created has it in its parameter "assets".
type RecordedUpdate struct {
	Partition string          `json:"partition,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	At        time.Time       `json:"at"`
	// The run whose task updated it; "" where a client did.
	Run string `json:"run,omitempty"`
}

// ObservedUpdate is the update of an asset that ended a wait.
type ObservedUpdate struct {
	// The name of the asset.
	Asset string `json:"asset"`
	// The partition that was updated; "" for the whole asset.
	Partition string `json:"partition"`
	// A JSON object; null where nothing was reported with the update.
	Metadata json.RawMessage `json:"metadata"`
	At       time.Time       `json:"at"`
	// The run whose task updated it; "" where a client did.
	Run string `json:"run"`
}

// Updated is how a task succeeds that reports updates of its outlets; what it returns beside it is its output.
type Updated struct{ Assets []AssetUpdate }

func (u *Updated) Error() string { return "updated" }

// Update says more of a success, and comes in place of the error:
//
//	return rows, weft.Update(weft.AssetUpdate{Asset: "orders", Partition: day, Metadata: map[string]any{"rows": rows}})
//
// Outlets that it does not name are updated as well, without a partition.
func Update(assets ...AssetUpdate) error {
	updated := &Updated{assets}
	if _, err := updated.document(); err != nil {
		return err
	}
	return updated
}

func (u *Updated) document() ([]object, error) {
	if len(u.Assets) > maxUpdates {
		return nil, Fail("an attempt reports at most %d updates of assets, not %d", maxUpdates, len(u.Assets))
	}
	documents := []object{}
	seen := map[[2]string]bool{}
	for _, one := range u.Assets {
		key := [2]string{one.Asset, one.Partition}
		if seen[key] {
			return nil, Fail("the asset %s is reported twice with the same partition", one.Asset)
		}
		seen[key] = true
		document, err := one.document()
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	return documents, nil
}

func (a AssetUpdate) document() (object, error) {
	if err := checkAsset(a.Asset); err != nil {
		return nil, Fail("%w", err)
	}
	document := object{{"asset", a.Asset}}
	if err := checkPartition(a.Asset, a.Partition); err != nil {
		return nil, err
	}
	if a.Partition != "" {
		document.set("partition", a.Partition)
	}
	metadata, err := encode(reflect.ValueOf(&a.Metadata).Elem())
	if err == nil {
		// As it is written: json.Marshal escapes what HTML would read.
		metadata, err = json.Marshal(metadata)
	}
	switch {
	case err != nil:
		return nil, Fail("the metadata of %s can't be passed on: %w", a.Asset, err)
	case string(metadata) == "null":
	case metadata[0] != '{':
		return nil, Fail("the metadata of %s is a map or a struct, not %T", a.Asset, a.Metadata)
	case len(metadata) > maxMetadataBytes:
		return nil, Fail("the metadata of %s has at most %d bytes of JSON, not %d", a.Asset, maxMetadataBytes, len(metadata))
	default:
		document.set("metadata", metadata)
	}
	return document, nil
}

// updated is how an attempt ends that reports updates of the task's outlets.
func (n *node) updated(result any, updated *Updated) outcome {
	documents, err := updated.document()
	if err != nil {
		return ending(err)
	}
	if n.branches {
		return ending(Fail("%s is a branch, which reports no updates; its outlets are updated without", n.id))
	}
	outlets, _ := n.settings.get("outlets").([]string)
	for _, one := range updated.Assets {
		if !slices.Contains(outlets, one.Asset) {
			known := strings.Join(outlets, ", ")
			if known == "" {
				known = "it has none"
			}
			return ending(Fail("%s updates %s, which is none of its outlets (%s); add it: weft.Outlets(%q)", n.id, one.Asset, known, one.Asset))
		}
	}
	output, err := n.encoded(result)
	if err != nil {
		return ending(err)
	}
	return control(object{{"kind", "update"}, {"assets", documents}, {"output", output}})
}

// What the name of an asset has beside letters, digits and '_', but not as its first character.
const assetMarks = "-./:@+=%~"

func isForeign(r rune) bool {
	isWord := r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
	return !isWord && !strings.ContainsRune(assetMarks, r)
}

func checkPartition(asset, partition string) error {
	if len(partition) > maxPartitionBytes || strings.ContainsFunc(partition, unicode.IsControl) {
		return Fail("the partition of %s has at most %d bytes in one line, without control characters", asset, maxPartitionBytes)
	}
	return nil
}

func checkAsset(name string) error {
	switch {
	case len(name) > maxNameBytes:
		return fmt.Errorf("the name of an asset has at most %d bytes, this one has %d", maxNameBytes, len(name))
	case name == "" || strings.ContainsAny(name[:1], assetMarks) || strings.ContainsFunc(name, isForeign):
		return fmt.Errorf("the name of an asset is made of letters, digits and the characters _ - . / : @ + = %% ~, and "+
			"starts with a letter, a digit or '_'; %q does not", name)
	}
	return nil
}

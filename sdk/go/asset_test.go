package weft

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func loads(err error) func(Context) (int, error) {
	return func(Context) (int, error) { return 3, err }
}

func TestOutletsAndConditionsAreFieldsOfTheDocument(t *testing.T) {
	d := DAG("d", Schedule("@daily"), OnAssets(Asset("s3://lake/orders"), AnyOf(Asset("a"), AllOf(Asset("b"), Asset("c"))), Within("rates", 24*time.Hour)))
	Param(d, "assets", map[string][]RecordedUpdate{})
	Task0(d, "load", loads(nil), Outlets("s3://lake/orders", "s3://lake/rejected"), Outlets("s3://lake/more"))
	one := DAG("one", OnAssets(Asset("orders")))
	Task0(one, "other", loads(nil))
	document, err := describe([]*Dag{d, one})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"outlets":["s3://lake/orders","s3://lake/rejected","s3://lake/more"]`,
		`"schedule":"@daily","on_assets":{"all":["s3://lake/orders",{"any":["a",{"all":["b","c"]}]},{"asset":"rates","within":86400}]}`,
		`"id":"one","on_assets":"orders"`,
	} {
		if !strings.Contains(string(document), part) {
			t.Errorf("%s is missing in %s", part, document)
		}
	}
}

func nested(depth int) Condition {
	if depth == 1 {
		return Asset("a")
	}
	return AllOf(nested(depth - 1))
}

func TestWrongOutletsAndConditionsAreExplained(t *testing.T) {
	many := make([]string, 65)
	conditions := make([]Condition, 65)
	for i := range many {
		many[i] = fmt.Sprint("a", i)
		conditions[i] = Asset(many[i])
	}
	for _, one := range []struct {
		words   string
		ofTask  []TaskOption
		options []DAGOption
	}{
		{`task load: the name of an asset is made of`, []TaskOption{Outlets("")}, nil},
		{`"/orders" does not`, []TaskOption{Outlets("/orders")}, nil},
		{`"a b" does not`, []TaskOption{Outlets("a b")}, nil},
		{"at most 250 bytes, this one has 251", []TaskOption{Outlets(strings.Repeat("x", 251))}, nil},
		{`the outlet "a" occurs twice`, []TaskOption{Outlets("a"), Outlets("a")}, nil},
		{"at most 64 assets, not 65", []TaskOption{Outlets(many...)}, nil},
		{`DAG d: the name of an asset is made of`, nil, []DAGOption{OnAssets(Asset("ä"))}},
		{"names at least one asset", nil, []DAGOption{OnAssets()}},
		{"names at least one asset", nil, []DAGOption{OnAssets(Asset("a"), AnyOf())}},
		{"a condition is nil", nil, []DAGOption{OnAssets(nil)}},
		{"the asset a can't be updated within 0s", nil, []DAGOption{OnAssets(Within("a", 0))}},
		{"names at most 64 assets, not 65", nil, []DAGOption{OnAssets(conditions...)}},
		{"nested at most 8 deep", nil, []DAGOption{OnAssets(nested(9))}},
	} {
		d := DAG("d", one.options...)
		Task0(d, "load", loads(nil), one.ofTask...)
		if _, err := d.Document(); err == nil || !strings.Contains(err.Error(), one.words) {
			t.Errorf("%v, and should say %q", err, one.words)
		}
	}
	deep := DAG("deep", OnAssets(nested(8)))
	Task0(deep, "load", loads(nil))
	if _, err := deep.Document(); err != nil {
		t.Error(err)
	}
}

func updating(err error) outcome {
	d := DAG("d")
	Task0(d, "load", loads(err), Outlets("orders", "rejected"))
	return d.find("load").attempt(nil, nil)
}

func TestAnUpdateComesWithTheOutput(t *testing.T) {
	update := AssetUpdate{Asset: "orders", Partition: "2026-11-26", Metadata: map[string]int{"rows": 3}}
	wanted := `{"kind":"update","assets":[{"asset":"orders","partition":"2026-11-26","metadata":{"rows":3}}],"output":3}`
	for _, err := range []error{Update(update), fmt.Errorf("so: %w", Update(update))} {
		if end := updating(err); string(end.control) != wanted {
			t.Errorf("%s, %+v", end.control, end.failure)
		}
	}
	if end := updating(Update(AssetUpdate{Asset: "orders"})); string(end.control) != `{"kind":"update","assets":[{"asset":"orders"}],"output":3}` {
		t.Errorf("%s", end.control)
	}
	if end := updating(Update()); string(end.control) != `{"kind":"update","assets":[],"output":3}` {
		t.Errorf("%s", end.control)
	}
}

func TestWrongUpdatesFailForGood(t *testing.T) {
	for _, one := range []struct {
		words  string
		update []AssetUpdate
	}{
		{"load updates other, which is none of its outlets (orders, rejected); add it: weft.Outlets(\"other\")", []AssetUpdate{{Asset: "other"}}},
		{"the name of an asset is made of", []AssetUpdate{{}}},
		{"the partition of orders has at most 250 bytes", []AssetUpdate{{Asset: "orders", Partition: strings.Repeat("x", 251)}}},
		{"without control characters", []AssetUpdate{{Asset: "orders", Partition: "x\ny"}}},
		{"the metadata of orders is a map or a struct, not []int", []AssetUpdate{{Asset: "orders", Metadata: []int{1}}}},
		{"the metadata of orders can't be passed on: unsupported type: chan int", []AssetUpdate{{Asset: "orders", Metadata: make(chan int)}}},
		{"at most 4096 bytes of JSON, not 5008", []AssetUpdate{{Asset: "orders", Metadata: map[string]string{"x": strings.Repeat("y", 5000)}}}},
		{"at most 4096 bytes of JSON, not 6008", []AssetUpdate{{Asset: "orders", Metadata: map[string]string{"x": strings.Repeat("<", 1000)}}}},
		{"reported twice with the same partition", []AssetUpdate{{Asset: "orders"}, {Asset: "orders"}}},
		{"at most 256 updates of assets, not 257", make([]AssetUpdate, 257)},
	} {
		for _, err := range []error{Update(one.update...), &Updated{one.update}} {
			failure := updating(err).failure
			if failure == nil || failure.retryable || !strings.Contains(failure.message, one.words) {
				t.Errorf("%+v, and should say %q", failure, one.words)
			}
		}
	}
	d := DAG("d")
	Task0(d, "judge", func(Context) (Choice, error) { return Choose(), Update(AssetUpdate{Asset: "a"}) }, Outlets("a"))
	if failure := d.find("judge").attempt(nil, nil).failure; failure == nil || !strings.Contains(failure.message, "judge is a branch, which reports no updates") {
		t.Errorf("%+v", failure)
	}
	var updated *Updated
	if errors.As(Update(AssetUpdate{Asset: "/"}), &updated) {
		t.Error("a wrong name is no update")
	}
}

func TestARunHasWhatItWasMadeOf(t *testing.T) {
	given := `{"orders":[{"partition":"2026-11-26","metadata":{"rows":3},"at":"2026-11-26T06:00:00.000Z","run":"0c3k5v7n9q1st"},{"at":"2026-11-26T07:00:00.000Z"}]}`
	end := attempted(func(_ Context, assets map[string][]RecordedUpdate) (string, error) {
		first, second := assets["orders"][0], assets["orders"][1]
		var metadata struct{ Rows int }
		err := json.Unmarshal(first.Metadata, &metadata)
		return fmt.Sprint(first.Partition, " ", metadata.Rows, " ", first.At.Hour(), " ", first.Run, " ", second.Run == ""), err
	}, given)
	if string(end.output) != `"2026-11-26 3 6 0c3k5v7n9q1st true"` {
		t.Errorf("%s, %+v", end.output, end.failure)
	}
}

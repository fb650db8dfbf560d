package weft

import (
	"slices"
	"strings"
	"time"
)

// TaskOption is a setting of a task.
type TaskOption interface{ onTask(*node) }

// DAGOption is a setting of a DAG.
type DAGOption interface{ onDAG(*Dag) }

// ParamOption is a setting of a parameter.
type ParamOption interface{ onParam(*param) }

type (
	taskField struct {
		name  string
		value any
	}
	dagField struct {
		name  string
		value any
	}
	// sharedField is a setting of tasks and of DAGs.
	sharedField struct {
		name  string
		value any
	}
	description string
)

func (f taskField) onTask(n *node) { n.settings.set(f.name, f.value) }
func (f dagField) onDAG(d *Dag)    { d.settings.set(f.name, f.value) }

func (f sharedField) onTask(n *node) { n.settings.set(f.name, f.value) }
func (f sharedField) onDAG(d *Dag)   { d.settings.set(f.name, f.value) }

func (t description) onTask(n *node)   { n.settings.set("description", string(t)) }
func (t description) onDAG(d *Dag)     { d.settings.set("description", string(t)) }
func (t description) onParam(p *param) { p.description = string(t) }

// Documents have durations as seconds.
func seconds(d time.Duration) float64 { return d.Seconds() }

// Description says what a DAG, a task or a parameter is for.
func Description(text string) interface {
	TaskOption
	DAGOption
	ParamOption
} {
	return description(text)
}

// Timeout is the longest that an attempt of a task, or a whole run of a DAG, may take.
func Timeout(longest time.Duration) interface {
	TaskOption
	DAGOption
} {
	return sharedField{"timeout", seconds(longest)}
}

// Deadline is how long after its run was due all instances of a task, or a whole run of a DAG, have ended. A scheduled
// run was due at its date, another one when it was created. A missed deadline notifies.
func Deadline(after time.Duration) interface {
	TaskOption
	DAGOption
} {
	return sharedField{"deadline", seconds(after)}
}

// StopAtDeadline makes a missed [Deadline] also stop what has not ended: the task's instances, or the whole run, which
// fails.
func StopAtDeadline() interface {
	TaskOption
	DAGOption
} {
	return sharedField{"on_missed_deadline", "stop"}
}

// Priority says what goes first: the higher one. A DAG's is that of its tasks that set none; 0 where absent.
func Priority(priority int) interface {
	TaskOption
	DAGOption
} {
	return sharedField{"priority", priority}
}

// InheritPriority makes each task of the DAG at least as urgent as each task that waits for it, directly or not.
func InheritPriority() DAGOption { return dagField{"priority_rule", "inherited"} }

// Schedule is cron ("0 6 * * *"), a preset ("@daily", "@once", "@continuous"), "every 15m", or a date
// ("2026-12-24T06:00"). Of several, each makes its runs; "@once" and "@continuous" can't be among them.
func Schedule(when ...string) DAGOption {
	if len(when) == 1 && !isDate(when[0]) {
		return dagField{"schedule", when[0]}
	}
	return dagField{"schedule", append([]string{}, when...)}
}

// isDate says whether a schedule is a date, which documents have in a list alone.
func isDate(schedule string) bool {
	year, _, found := strings.Cut(strings.TrimSpace(schedule), "-")
	return found && len(year) == 4 && strings.Trim(year, "0123456789") == ""
}

// Holidays are days in the time zone on which the schedule makes no runs: "2026-12-25", or "12-25" of each year.
func Holidays(days ...string) DAGOption { return dagField{"holidays", append([]string{}, days...)} }

// Timezone is a name of the IANA database; UTC where absent.
func Timezone(name string) DAGOption { return dagField{"timezone", name} }

// Start is the first date that the schedule is for.
func Start(date time.Time) DAGOption { return dagField{"start", date.Format(time.RFC3339)} }

// End is the last date that the schedule is for.
func End(date time.Time) DAGOption { return dagField{"end", date.Format(time.RFC3339)} }

// Catchup says whether missed runs are made up for.
func Catchup(wanted bool) DAGOption { return dagField{"catchup", wanted} }

// Tags are for finding the DAG.
func Tags(tags ...string) DAGOption { return dagField{"tags", tags} }

// Owners are the people or teams that own the DAG.
func Owners(names ...string) DAGOption { return dagField{"owners", append([]string{}, names...)} }

// ConcurrencyKey is a template such as "{{ params.customer }}": runs for which it gives the same text count together.
func ConcurrencyKey(template string) DAGOption { return dagField{"concurrency_key", template} }

// MaxActiveRunsPerKey is how many runs with one [ConcurrencyKey] go on at once; 1 where absent.
func MaxActiveRunsPerKey(most int) DAGOption { return dagField{"max_active_runs_per_key", most} }

// RateLimit is how many runs start within any span of this length: of each [ConcurrencyKey], or of the DAG where it has
// none.
func RateLimit(runs int, per time.Duration) DAGOption { return rateLimit{runs, per} }

type rateLimit struct {
	runs int
	per  time.Duration
}

func (r rateLimit) onDAG(d *Dag) {
	if r.runs < 1 || r.per <= 0 {
		d.problem(d.at, "DAG %s: weft.RateLimit takes a number of runs and a span, both above zero, not %d and %s", d.id, r.runs, r.per)
	}
	d.settings.set("rate_limit", object{{"runs", r.runs}, {"per", seconds(r.per)}})
}

// MaxActiveRuns is how many runs go on at once.
func MaxActiveRuns(most int) DAGOption { return dagField{"max_active_runs", most} }

// MaxActiveTasks is how many task instances of a run go on at once.
func MaxActiveTasks(most int) DAGOption { return dagField{"max_active_tasks", most} }

// Retries is the number of attempts beyond the first.
func Retries(count int) TaskOption { return taskField{"retries", count} }

// RetryOn names the codes of the failures that are retried, such as "timeout" and "internal"; every failure that may
// pass is where absent.
func RetryOn(codes ...string) TaskOption { return taskField{"retry_on", codes} }

// RetryDelay is the wait before the first retry.
func RetryDelay(wait time.Duration) TaskOption { return taskField{"retry_delay", seconds(wait)} }

// RetryBackoff makes each further wait this many times the one before.
func RetryBackoff(factor float64) TaskOption { return taskField{"retry_backoff", factor} }

// RetryMaxDelay is the longest wait.
func RetryMaxDelay(wait time.Duration) TaskOption {
	return taskField{"retry_max_delay", seconds(wait)}
}

// RetryJitter is the share of a wait that is random, from 0 to 1.
func RetryJitter(share float64) TaskOption { return taskField{"retry_jitter", share} }

// Zip makes one instance of the elements at the same position of all lists of [Expand2], [Expand3], [MapGroup2] or
// [MapGroup3], instead of one of each combination. Lists of unlike length fail the task.
func Zip() interface {
	TaskOption
	GroupOption
} {
	return zip{}
}

type zip struct{}

func (zip) onTask(n *node)   { n.settings.set("zip", true) }
func (zip) onGroup(g *group) { g.zip = true }

// MaxActive is how many instances of a mapped task run at once.
func MaxActive(most int) TaskOption { return taskField{"max_active", most} }

// DependsOnPast makes the task wait until, in the scheduled or backfilled run before, it succeeded or was skipped.
func DependsOnPast() TaskOption { return taskField{"depends_on_past", true} }

// WaitForDownstream is [DependsOnPast] of the task's direct downstreams as well.
func WaitForDownstream() TaskOption { return taskField{"wait_for_downstream", true} }

// LatestOnly skips the task in a scheduled or backfilled run after which another one is due.
func LatestOnly() TaskOption { return taskField{"latest_only", true} }

// Deterministic runs the task on the deterministic engine.
func Deterministic() TaskOption { return taskField{"deterministic", true} }

// Queue says which workers run the task.
func Queue(name string) TaskOption { return taskField{"queue", name} }

// Pool names the pool whose slots an instance takes, and their number.
func Pool(name string, slots int) TaskOption {
	return fields{{"pool", name}, {"pool_slots", slots}}
}

type fields []taskField

func (all fields) onTask(n *node) {
	for _, one := range all {
		one.onTask(n)
	}
}

// TriggerRule says how the upstreams must have ended for a task to run.
type TriggerRule string

// Airflow's rules.
const (
	AllSuccess              TriggerRule = "all_success"
	AllFailed               TriggerRule = "all_failed"
	AllDone                 TriggerRule = "all_done"
	AllDoneMinOneSuccess    TriggerRule = "all_done_min_one_success"
	AllSkipped              TriggerRule = "all_skipped"
	OneFailed               TriggerRule = "one_failed"
	OneSuccess              TriggerRule = "one_success"
	OneDone                 TriggerRule = "one_done"
	NoneFailed              TriggerRule = "none_failed"
	NoneFailedMinOneSuccess TriggerRule = "none_failed_min_one_success"
	NoneSkipped             TriggerRule = "none_skipped"
	Always                  TriggerRule = "always"
)

// When sets the trigger rule; AllSuccess where absent.
func When(rule TriggerRule) TaskOption { return taskField{"trigger_rule", string(rule)} }

// After makes the task wait for others without taking their outputs.
func After(upstreams ...Upstream) TaskOption { return after(upstreams) }

type after []Upstream

func (all after) onTask(n *node) {
	for _, one := range all {
		if other := n.upstreamOf(one, "weft.After"); other != nil && n.dependsOn(other) {
			n.after = append(n.after, other)
		}
	}
}

// TeardownOf makes the task a teardown of these setups, which it waits for. It runs once everything upstream has ended
// if one of its setups succeeded, or it has none, also when the run is cancelled. An input whose task failed or was
// skipped is [Optional].
func TeardownOf(setups ...Upstream) TaskOption { return teardown(setups) }

type teardown []Upstream

func (setups teardown) onTask(n *node) {
	n.teardown = true
	for _, one := range setups {
		other := n.upstreamOf(one, "weft.TeardownOf")
		if other == nil || slices.Contains(n.setups, other) {
			continue
		}
		n.setups = append(n.setups, other)
		n.dependsOn(other)
	}
}

// TeardownFailsRun makes the run fail with this teardown. Otherwise how it ends counts for nothing.
func TeardownFailsRun() TaskOption { return taskField{"teardown_fails_run", true} }

// HTTP asks for requests to these hosts: "host", "host:port", or with "http://" in front.
func HTTP(hosts ...string) TaskOption { return grant{"http", hosts} }

// Variables asks for variables of the installation, by name.
func Variables(names ...string) TaskOption { return grant{"variables", names} }

// Connections asks for connections of the installation, by name.
func Connections(names ...string) TaskOption { return grant{"connections", names} }

// Calls asks for calls of these DAGs, by id.
func Calls(dags ...string) TaskOption { return grant{"dags", dags} }

type grant struct {
	kind  string
	names []string
}

func (g grant) onTask(n *node) {
	grants, _ := n.settings.get("grants").(object)
	known, _ := grants.get(g.kind).([]string)
	grants.set(g.kind, append(known, g.names...))
	n.settings.set("grants", grants)
}

// Limits asks for other limits than the installation's defaults. Sizes are text such as "256MiB"; what is
// left out stays as it is.
type Limits struct {
	Memory, Scratch, Output, Log, Artifact string
	CPU                                    time.Duration
}

func (l Limits) onTask(n *node) {
	var limits object
	for _, one := range []taskField{
		{"memory", l.Memory}, {"scratch", l.Scratch}, {"output", l.Output}, {"log", l.Log}, {"artifact", l.Artifact},
	} {
		if one.value != "" {
			limits.set(one.name, one.value)
		}
	}
	if l.CPU != 0 {
		limits.set("cpu", seconds(l.CPU))
	}
	n.settings.set("limits", limits)
}

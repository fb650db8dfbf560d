package weft

import "time"

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
	// timeout is a setting of tasks and of DAGs.
	timeout     time.Duration
	description string
)

func (f taskField) onTask(n *node) { n.settings.set(f.name, f.value) }
func (f dagField) onDAG(d *Dag)    { d.settings.set(f.name, f.value) }

func (t timeout) onTask(n *node) { n.settings.set("timeout", seconds(time.Duration(t))) }
func (t timeout) onDAG(d *Dag)   { d.settings.set("timeout", seconds(time.Duration(t))) }

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
	return timeout(longest)
}

// Schedule is cron ("0 6 * * *"), a preset ("@daily", "@once", "@continuous"), or "every 15m".
func Schedule(when string) DAGOption { return dagField{"schedule", when} }

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

// MaxActiveRuns is how many runs go on at once.
func MaxActiveRuns(most int) DAGOption { return dagField{"max_active_runs", most} }

// MaxActiveTasks is how many task instances of a run go on at once.
func MaxActiveTasks(most int) DAGOption { return dagField{"max_active_tasks", most} }

// Retries is the number of attempts beyond the first.
func Retries(count int) TaskOption { return taskField{"retries", count} }

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

// MaxActive is how many instances of a mapped task run at once.
func MaxActive(most int) TaskOption { return taskField{"max_active", most} }

// Deterministic runs the task on the deterministic engine.
func Deterministic() TaskOption { return taskField{"deterministic", true} }

// Queue says which workers run the task.
func Queue(name string) TaskOption { return taskField{"queue", name} }

// Pool names the pool whose slots an instance takes, and their number.
func Pool(name string, slots int) TaskOption {
	return fields{{"pool", name}, {"pool_slots", slots}}
}

// Priority says what goes first: the higher one.
func Priority(priority int) TaskOption { return taskField{"priority", priority} }

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
		n.waitFor(one.upstream())
	}
}

// HTTP asks for requests to these hosts: "host", "host:port", or with "http://" in front.
func HTTP(hosts ...string) TaskOption { return grant{"http", hosts} }

// Variables asks for variables of the installation, by name.
func Variables(names ...string) TaskOption { return grant{"variables", names} }

// Connections asks for connections of the installation, by name.
func Connections(names ...string) TaskOption { return grant{"connections", names} }

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

/**
 * How a task ends when it does not end with its output: a task throws one of
 * these. Any other exception is a failure that follows the task's retries.
 * Nothing here knows how an ending reaches the host.
 */

/** A failure that follows the task's retries, as any other exception does. */
export class WeftError extends Error {
  override name = "WeftError";
}

/** A failure that is not tried again: the next attempt would fail alike. */
export class Fail extends WeftError {
  override name = "Fail";
}

/** A failure whose next attempt starts no earlier than `after` seconds. */
export class Retry extends WeftError {
  override name = "Retry";
  readonly afterMs: number | undefined;
  readonly details: unknown;

  constructor(message = "", { after, details }: { after?: number; details?: unknown } = {}) {
    super(message);
    this.afterMs = after === undefined ? undefined : milliseconds(after);
    this.details = details;
  }
}

/** The task skips itself; what hangs on it follows its trigger rule. */
export class Skip extends Error {
  override name = "Skip";
}

/** A run of another DAG of the same tenant, for `new Defer({ call })`. The task needs `grants: { dags: [dag] }`. */
export interface Call {
  /** The DAG's id. */
  dag: string;
  /** The run's parameters. */
  params?: Readonly<Record<string, unknown>>;
  /** The date that the run is for; the time of the call where it is left out. */
  logicalDate?: Date;
  /** With `false` the task goes on at once, and the run by itself. */
  wait?: boolean;
}

/** A question to people, for `new Defer({ approval })`. */
export interface Approval {
  /** The question in a line. */
  subject: string;
  /** More of it, in Markdown. */
  body?: string;
  /** What can be answered; `approve` and `reject` where it is left out. */
  options?: readonly string[];
  /** The answer where no one gives one within the deferral's timeout: one of the options. */
  default?: string;
  /** The JSON Schema of an object to fill in. */
  form?: Readonly<Record<string, unknown>>;
  /** The names of the tokens that may answer; all that may operate runs where it is left out. */
  approvers?: readonly string[];
}

/** What wakes a task that ends with `new Defer(...)`: one of these, with its timeout. */
export interface DeferOptions {
  /** So many seconds from now. */
  after?: number;
  /** At a point in time. */
  until?: Date;
  /** When an event of this name is sent to the run. */
  event?: string;
  /** At the end of the run of this id. */
  run?: string;
  /** At the end of the scheduled or backfilled run of this DAG for `logicalDate`. */
  dag?: string;
  logicalDate?: Date;
  /**
   * With `run`, or with `dag` and `logicalDate`: at the end of this task of the run. That is when all its instances
   * have ended, or the run has.
   */
  task?: string;
  /** When this asset is updated. */
  asset?: string;
  /** With `asset`: only updates of this partition count. */
  partition?: string;
  /**
   * With `asset`: updates before this time don't count, and one at or after it that is there already wakes the task at
   * once. Without it: updates before the attempt started don't count.
   */
  since?: Date;
  /** At the end of a run that the deferral creates. */
  call?: Call;
  /** When somebody answers. */
  approval?: Approval;
  /** How many seconds it waits at the longest for anything but a time. */
  timeout?: number;
  /** What `context.resumed` holds in the next attempt. */
  state?: unknown;
}

const CALL = ["dag", "params", "logicalDate", "wait"];
const APPROVAL = ["subject", "body", "options", "default", "form", "approvers"];

/**
 * The attempt ends, and another one is woken later by what the options name.
 * `context.resumed` holds the `state` then, and `context.woken` says what ended the wait.
 */
export class Defer extends Error {
  override name = "Defer";
  readonly afterMs: number | undefined;
  readonly until: Date | undefined;
  readonly event: string | undefined;
  readonly run: string | undefined;
  readonly dag: string | undefined;
  readonly logicalDate: Date | undefined;
  readonly task: string | undefined;
  readonly asset: string | undefined;
  readonly partition: string | undefined;
  readonly since: Date | undefined;
  readonly call: Call | undefined;
  readonly approval: Approval | undefined;
  readonly timeoutMs: number | undefined;
  readonly state: unknown;

  constructor({ after, until, event, run, dag, logicalDate, task, asset, partition, since, call, approval, timeout, state }: DeferOptions) {
    super("deferred");
    if ([after, until, event, run, dag, asset, call, approval].filter((given) => given !== undefined).length !== 1) {
      throw new TypeError("a deferral takes one of `after`, `until`, `event`, `run`, `dag`, `asset`, `call` and `approval`");
    }
    if ((dag === undefined) !== (logicalDate === undefined)) {
      throw new TypeError(call ? "the date of a called run is the call's: call: { dag, logicalDate }" : "`dag` and `logicalDate` go together");
    }
    if (task !== undefined && run === undefined && dag === undefined) throw new TypeError("`task` goes with `run`, or with `dag` and `logicalDate`");
    if (asset === undefined && (partition !== undefined || since !== undefined)) throw new TypeError("`partition` and `since` go with `asset`");
    if (timeout !== undefined && (after !== undefined || until !== undefined)) throw new TypeError("a deferral by time takes no `timeout`");
    if (timeout !== undefined && call?.wait === false) throw new TypeError("a call with `wait: false` takes no `timeout`: it waits for nothing");
    if (call !== undefined) check(call);
    if (approval !== undefined) checkApproval(approval, timeout);
    this.afterMs = after === undefined ? undefined : milliseconds(after);
    this.until = point("until", until);
    this.event = event;
    this.run = run;
    this.dag = dag;
    this.logicalDate = point("logicalDate", logicalDate);
    this.task = nonEmpty("task", task);
    this.asset = nonEmpty("asset", asset);
    this.partition = nonEmpty("partition", partition);
    this.since = point("since", since);
    this.call = call;
    this.approval = approval;
    this.timeoutMs = timeout === undefined ? undefined : milliseconds(timeout);
    this.state = state ?? null;
  }
}

/** For those in JavaScript, what the types say of a call. */
function check(call: Call): void {
  if (!isObject(call) || typeof call.dag !== "string" || call.dag === "") {
    throw new TypeError('`call` is an object such as { dag: "child", params: { rows: 7 } }');
  }
  const unknown = Object.keys(call).find((name) => !CALL.includes(name));
  if (unknown !== undefined) throw new TypeError(`a call has no ${JSON.stringify(unknown)}; it has ${CALL.join(", ")}`);
  if (call.params !== undefined && !isObject(call.params)) {
    throw new TypeError("the parameters of a call are an object such as { rows: 7 }");
  }
  point("logicalDate", call.logicalDate);
}

/** For those in JavaScript, what the types say of an approval. */
function checkApproval(approval: Approval, timeout: number | undefined): void {
  if (!isObject(approval) || typeof approval.subject !== "string" || approval.subject.trim() === "" || approval.subject.includes("\n")) {
    throw new TypeError('`approval` is an object with a question of one line, such as { subject: "Ship it?" }');
  }
  const unknown = Object.keys(approval).find((name) => !APPROVAL.includes(name));
  if (unknown !== undefined) throw new TypeError(`an approval has no ${JSON.stringify(unknown)}; it has ${APPROVAL.join(", ")}`);
  if (approval.default !== undefined && timeout === undefined) {
    throw new TypeError("the default of an approval is the answer after the `timeout`: give one");
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function point(name: string, moment: Date | undefined): Date | undefined {
  if (moment === undefined) return undefined;
  if (!(moment instanceof Date) || Number.isNaN(moment.getTime())) throw new TypeError(`\`${name}\` is a Date that is a point in time`);
  return moment;
}

function nonEmpty(name: string, text: string | undefined): string | undefined {
  if (text !== undefined && (typeof text !== "string" || text === "")) throw new TypeError(`\`${name}\` is text that is not empty`);
  return text;
}

/** Seconds in whole milliseconds. */
export function milliseconds(seconds: number): number {
  if (!(seconds >= 0)) throw new RangeError(`a span can't be negative: ${seconds} s`);
  return Math.round(seconds * 1000);
}

/** The attempt that is running: who it is, what it is for, what it may ask the host. */

import { Fail } from "./ending.js";
import { type AttemptDocument, current, type DecisionDocument, type ObservedUpdateDocument, type WokenDocument } from "./host.js";

/** The span of data that a run is for: from `start` to before `end`. */
export interface DataInterval {
  start: Date;
  end: Date;
}

/** The answer to what the task asked. */
export class Decision {
  /** The option that was chosen. */
  readonly option: string;
  /** What who chose it wrote. */
  readonly comment: string | undefined;
  /** The form's values. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The name of the token that chose it; `undefined` where it is the default after the timeout. */
  readonly by: string | undefined;
  /** When it was chosen. */
  readonly at: Date | undefined;

  constructor({ option, comment, fields, by, at }: DecisionDocument) {
    this.option = option;
    this.comment = comment ?? undefined;
    this.fields = fields;
    this.by = by ?? undefined;
    this.at = at === null ? undefined : new Date(at);
  }

  /** Whether it is the option `approve`. */
  get approved(): boolean {
    return this.option === "approve";
  }
}

/** The update of an asset that ended a wait. */
export class ObservedUpdate {
  /** The asset's name. */
  readonly asset: string;
  /** The partition that was updated; `undefined` for the whole asset. */
  readonly partition: string | undefined;
  /** What was reported with the update. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  /** When it was recorded. */
  readonly at: Date;
  /** The run whose task made the update; `undefined` where a client reported it. */
  readonly run: string | undefined;

  constructor({ asset, partition, metadata, at, run }: ObservedUpdateDocument) {
    this.asset = asset;
    this.partition = partition ?? undefined;
    this.metadata = metadata ?? undefined;
    this.at = new Date(at);
    this.run = run ?? undefined;
  }
}

/** What ended a wait. */
export class Woken {
  /** The name of the event that came. */
  readonly event: string | undefined;
  /** What was sent with it. */
  readonly payload: unknown;
  /** Whether the timeout came first. */
  readonly timedOut: boolean;
  /** The run that ended: the one that the task waited for, or called; or the run of the task that it waited for. */
  readonly run: string | undefined;
  /** Its DAG. */
  readonly dag: string | undefined;
  /** The task of that run, where the wait was for a task. */
  readonly task: string | undefined;
  /**
   * `success`, `failed` or `cancelled`, and of a task also `skipped`; `queued` after a call with `wait: false`;
   * `missing` where there is no such run or task.
   */
  readonly state: string | undefined;
  /** What the last tasks of a called run returned, by task; `undefined` where that is more than 256 KiB. */
  readonly outputs: Readonly<Record<string, unknown>> | undefined;
  /** Why the run was not created that the task called: a sentence, and its stable name. */
  readonly error: string | undefined;
  readonly errorCode: string | undefined;
  /** The answer to what the task asked. */
  readonly decision: Decision | undefined;
  /** The update of the asset that the task waited for. */
  readonly update: ObservedUpdate | undefined;
  /** Whether a person or a program resumed the task before what it waits for came. */
  readonly byCommand: boolean;

  constructor({ event, payload, timeout, run, dag, task, state, outputs, error, approval, update, command }: WokenDocument) {
    this.event = event;
    this.payload = payload;
    this.timedOut = timeout === true;
    this.run = run ?? undefined;
    this.dag = dag ?? undefined;
    this.task = task;
    this.state = state;
    this.outputs = outputs;
    this.error = error?.message;
    this.errorCode = error?.code;
    this.decision = approval === undefined ? undefined : new Decision(approval);
    this.update = update === undefined ? undefined : new ObservedUpdate(update);
    this.byCommand = command === true;
  }

  /**
   * The outputs of a run that succeeded, none of a task or of a run that was not called. Throws `Fail` where
   * the run or the task did not succeed, the run was not created, or the end did not come in time.
   */
  succeeded(): Readonly<Record<string, unknown>> {
    if (this.state === "success") return this.outputs ?? {};
    throw new Fail(this.#words());
  }

  /** What the last task of this name returned in a called run that succeeded. Throws `Fail` as `succeeded` does. */
  output(task: string): unknown {
    const outputs = this.succeeded();
    if (Object.hasOwn(outputs, task)) return outputs[task];
    if (this.outputs === undefined) {
      throw new Fail(`${this.#name()} left no outputs: those of called runs come back, up to 256 KiB in all`);
    }
    const known = Object.keys(outputs).join(", ") || "none";
    throw new Fail(`${this.#name()} has no output of ${JSON.stringify(task)}, but of its last tasks that are not mapped: ${known}`);
  }

  #name(): string {
    const parts = [this.task && `task ${this.task}`, this.run && `run ${this.run}`, this.dag && `DAG ${this.dag}`];
    return parts.filter(Boolean).join(" of ");
  }

  #words(): string {
    if (this.error !== undefined) return `the call was refused: ${this.error} (${this.errorCode})`;
    if (this.timedOut) return "the run did not end in time";
    if (this.byCommand) return "the task was resumed by a command, before the run ended";
    if (this.update !== undefined) return `the task was woken by an update of the asset ${this.update.asset}, not by a run`;
    if (this.state === undefined) return `the task was woken by the event ${JSON.stringify(this.event)}, not by a run`;
    if (this.state === "missing" && this.task !== undefined) return `there is no ${this.#name()}`;
    if (this.state === "missing") return this.run === undefined ? `there is no DAG ${this.dag}, so it has no run` : `there is no run ${this.run}`;
    if (this.state === "queued") return `${this.#name()} is still queued: a call with \`wait: false\` does not wait for its end`;
    return `${this.#name()} ended as ${this.state}`;
  }
}

/** The running attempt. Nothing is fetched before it is asked for. */
export class Context {
  #known: AttemptDocument | undefined;

  get #attempt(): AttemptDocument {
    this.#known ??= current().attempt();
    return this.#known;
  }

  get tenant(): string {
    return this.#attempt.tenant;
  }

  get dagId(): string {
    return this.#attempt.dag;
  }

  get runId(): string {
    return this.#attempt.run;
  }

  get taskId(): string {
    return this.#attempt.task;
  }

  /** Which instance of a mapped task, from 0. */
  get mapIndex(): number | null {
    return this.#attempt.map_index;
  }

  /** 1 for the first attempt of a task instance. */
  get tryNumber(): number {
    return this.#attempt.number;
  }

  /** The date that the run is for. */
  get logicalDate(): Date {
    return new Date(this.#attempt.logical_date);
  }

  get dataInterval(): DataInterval {
    const { start, end } = this.#attempt.data_interval;
    return { start: new Date(start), end: new Date(end) };
  }

  /** The run's parameters. */
  get params(): Record<string, unknown> {
    return this.#attempt.params;
  }

  /** When the attempt will be killed. */
  get deadline(): Date | null {
    const { deadline } = this.#attempt;
    return deadline === null ? null : new Date(deadline);
  }

  /** Equal over the retries of a task instance, new after it was cleared. */
  get idempotencyKey(): string {
    return this.#attempt.idempotency_key;
  }

  /** What `new Defer({ state })` left, once the task was woken; else `null`. */
  get resumed(): unknown {
    return current().resumed() ?? null;
  }

  /** What ended the wait for an event, a run, a task, an asset, a call or an answer; `null` in any other attempt. */
  get woken(): Woken | null {
    const { woken } = this.#attempt;
    return woken ? new Woken(woken) : null;
  }

  /** Shown to users who watch the run; 0.0 to 1.0. */
  progress(fraction: number, message = ""): void {
    current().progress(fraction, message);
  }

  /** True once the attempt has been asked to stop; a long task looks now and then. */
  get cancelled(): boolean {
    return current().cancelled();
  }
}

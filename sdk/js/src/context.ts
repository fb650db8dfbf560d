/** The attempt that is running: who it is, what it is for, what it may ask the host. */

import { type AttemptDocument, current } from "./host.js";

/** The span of data that a run is for: from `start` to before `end`. */
export interface DataInterval {
  start: Date;
  end: Date;
}

/** What ended a wait. */
export interface Woken {
  /** The name of the event that came. */
  event?: string;
  /** What was sent with it. */
  payload?: unknown;
  /** Whether the timeout came first. */
  timedOut: boolean;
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

  /** What ended the wait of `new Defer({ event })`; `null` in any other attempt. */
  get woken(): Woken | null {
    const { woken } = this.#attempt;
    if (woken === undefined || woken === null) return null;
    const timedOut = woken.timeout === true;
    return woken.event === undefined ? { timedOut } : { event: woken.event, payload: woken.payload, timedOut };
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

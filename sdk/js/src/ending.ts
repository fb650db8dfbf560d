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

/**
 * The attempt ends, and another one is woken later: `after` seconds from now,
 * at the point in time `until`, or when an event of the name `event` is sent to
 * the run, `timeout` seconds later at the latest. `state` is what
 * `context.resumed` holds then; `context.woken` says what ended the wait for an event.
 */
export class Defer extends Error {
  override name = "Defer";
  readonly afterMs: number | undefined;
  readonly until: Date | undefined;
  readonly event: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly state: unknown;

  constructor({ after, until, event, timeout, state }: { after?: number; until?: Date; event?: string; timeout?: number; state?: unknown }) {
    super("deferred");
    if ([after, until, event].filter((given) => given !== undefined).length !== 1) {
      throw new TypeError("a deferral takes one of `after`, `until` and `event`");
    }
    if (timeout !== undefined && event === undefined) throw new TypeError("a deferral by time takes no `timeout`");
    this.event = event;
    this.timeoutMs = timeout === undefined ? undefined : milliseconds(timeout);
    this.afterMs = after === undefined ? undefined : milliseconds(after);
    this.until = until;
    this.state = state ?? null;
  }
}

function milliseconds(seconds: number): number {
  if (!(seconds >= 0)) throw new RangeError(`a span can't be negative: ${seconds} s`);
  return Math.round(seconds * 1000);
}

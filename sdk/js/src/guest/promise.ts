/**
 * Promises whose jobs this program runs by itself. The contract's `run` is a
 * plain function, and the engine runs jobs only after such a function has
 * returned; with jobs in our hands `loop.ts` runs them, and the host's events,
 * until a task has its result. The bundler turns `async` functions into
 * generators over the global `Promise`, which becomes this one.
 *
 * Follows ECMA-262, 27.2, but for subclasses and species.
 */

type State = "pending" | "fulfilled" | "rejected";
type Settle = (value?: any) => void;

interface Reaction {
  onFulfilled: ((value: any) => unknown) | undefined;
  onRejected: ((reason: unknown) => unknown) | undefined;
  resolve: Settle;
  reject: Settle;
}

const jobs: (() => void)[] = [];
/** Unhandled rejections. */
const unhandled = new Set<Promise_>();

/** `queueMicrotask`. */
export function queue(job: () => void): void {
  jobs.push(job);
}

/** Runs jobs, and those that they make, until there is none. */
export function runJobs(): void {
  for (let at = 0; at < jobs.length; at++) {
    jobs[at]!();
    // A chain of jobs that goes on for long must not keep those that are done.
    if (at >= 1000) {
      jobs.splice(0, at + 1);
      at = -1;
    }
  }
  jobs.length = 0;
}

/** Returns the reasons of unhandled rejections, each once. */
export function takeUnhandled(): unknown[] {
  const reasons = [...unhandled].map((promise) => promise.value);
  unhandled.clear();
  return reasons;
}

/** Forgets what an earlier attempt, or the building of the program, has left. */
export function forget(): void {
  jobs.length = 0;
  unhandled.clear();
}

class Promise_ {
  state: State = "pending";
  value: unknown = undefined;
  #reactions: Reaction[] = [];
  #handled = false;

  constructor(executor: (resolve: Settle, reject: Settle) => void) {
    if (typeof executor !== "function") throw new TypeError("Promise resolver is not a function");
    const { resolve, reject } = this.#functions();
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  #functions(): { resolve: Settle; reject: Settle } {
    let done = false;
    const once = (settle: Settle): Settle => {
      return (value) => {
        if (done) return;
        done = true;
        settle(value);
      };
    };
    return { resolve: once((value) => this.#resolve(value)), reject: once((reason) => this.#settle("rejected", reason)) };
  }

  #resolve(value: any): void {
    if (value === this) return this.#settle("rejected", new TypeError("a promise can't be resolved with itself"));
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return this.#settle("fulfilled", value);
    let then: unknown;
    try {
      then = value.then;
    } catch (error) {
      return this.#settle("rejected", error);
    }
    if (typeof then !== "function") return this.#settle("fulfilled", value);
    queue(() => {
      const { resolve, reject } = this.#functions();
      try {
        then.call(value, resolve, reject);
      } catch (error) {
        reject(error);
      }
    });
  }

  #settle(state: State, value: unknown): void {
    this.state = state;
    this.value = value;
    if (state === "rejected" && !this.#handled) unhandled.add(this);
    for (const reaction of this.#reactions) this.#react(reaction);
    this.#reactions = [];
  }

  #react({ onFulfilled, onRejected, resolve, reject }: Reaction): void {
    queue(() => {
      const handler = this.state === "fulfilled" ? onFulfilled : onRejected;
      if (!handler) return this.state === "fulfilled" ? resolve(this.value) : reject(this.value);
      try {
        resolve(handler(this.value));
      } catch (error) {
        reject(error);
      }
    });
  }

  then(onFulfilled?: unknown, onRejected?: unknown): Promise_ {
    const { promise, resolve, reject } = Promise_.withResolvers();
    const reaction: Reaction = {
      onFulfilled: typeof onFulfilled === "function" ? (onFulfilled as Reaction["onFulfilled"]) : undefined,
      onRejected: typeof onRejected === "function" ? (onRejected as Reaction["onRejected"]) : undefined,
      resolve,
      reject,
    };
    this.#handled = true;
    unhandled.delete(this);
    if (this.state === "pending") this.#reactions.push(reaction);
    else this.#react(reaction);
    return promise;
  }

  catch(onRejected?: unknown): Promise_ {
    return this.then(undefined, onRejected);
  }

  finally(onFinally?: unknown): Promise_ {
    if (typeof onFinally !== "function") return this.then(onFinally, onFinally);
    return this.then(
      (value: unknown) => Promise_.resolve(onFinally()).then(() => value),
      (reason: unknown) =>
        Promise_.resolve(onFinally()).then(() => {
          throw reason;
        }),
    );
  }

  get [Symbol.toStringTag](): string {
    return "Promise";
  }

  static withResolvers(): { promise: Promise_; resolve: Settle; reject: Settle } {
    let resolve!: Settle;
    let reject!: Settle;
    const promise = new Promise_((one, other) => {
      resolve = one;
      reject = other;
    });
    return { promise, resolve, reject };
  }

  static resolve(value?: unknown): Promise_ {
    return value instanceof Promise_ ? value : new Promise_((resolve) => resolve(value));
  }

  static reject(reason?: unknown): Promise_ {
    return new Promise_((_resolve, reject) => reject(reason));
  }

  static try(body: (...given: unknown[]) => unknown, ...given: unknown[]): Promise_ {
    return new Promise_((resolve) => resolve(body(...given)));
  }

  static all(items: Iterable<unknown>): Promise_ {
    return Promise_.#gather(items, (promise, keep, _resolve, reject) => promise.then(keep, reject));
  }

  static allSettled(items: Iterable<unknown>): Promise_ {
    return Promise_.#gather(items, (promise, keep) =>
      promise.then(
        (value: unknown) => keep({ status: "fulfilled", value }),
        (reason: unknown) => keep({ status: "rejected", reason }),
      ),
    );
  }

  static any(items: Iterable<unknown>): Promise_ {
    return Promise_.#gather(items, (promise, keep, resolve) => promise.then(resolve, keep)).then((gathered: unknown) => {
      if (gathered instanceof Won) return gathered.value;
      throw new AggregateError(gathered as unknown[], "All promises were rejected");
    });
  }

  static race(items: Iterable<unknown>): Promise_ {
    return new Promise_((resolve, reject) => {
      for (const item of items) Promise_.resolve(item).then(resolve, reject);
    });
  }

  /** One list of what `each` keeps, in the order of the items. */
  static #gather(items: Iterable<unknown>, each: (promise: Promise_, keep: Settle, resolve: Settle, reject: Settle) => void): Promise_ {
    return new Promise_((resolve, reject) => {
      const kept: unknown[] = [];
      let left = 1;
      const less = (): void => {
        if (--left === 0) resolve(kept);
      };
      let index = 0;
      for (const item of items) {
        const at = index++;
        left++;
        const keep: Settle = (value) => {
          kept[at] = value;
          less();
        };
        each(Promise_.resolve(item), keep, (value) => resolve(new Won(value)), reject);
      }
      less();
    });
  }
}

/** The value of the first promise that was fulfilled, which may itself be a list. */
class Won {
  constructor(readonly value: unknown) {}
}

Object.defineProperty(Promise_, "name", { value: "Promise" });

export { Promise_ as OwnPromise };

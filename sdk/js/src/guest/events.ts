/** `Event`, `EventTarget`, `AbortController` and `AbortSignal`, so far as programs without a document use them. */

import { setTimer } from "./loop.js";

export class Event {
  readonly type: string;
  readonly cancelable: boolean;
  defaultPrevented = false;
  target: EventTarget | null = null;
  #stopped = false;

  constructor(type: string, { cancelable = false }: { cancelable?: boolean } = {}) {
    this.type = String(type);
    this.cancelable = cancelable;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  get currentTarget(): EventTarget | null {
    return this.target;
  }

  preventDefault(): void {
    if (this.cancelable) this.defaultPrevented = true;
  }

  stopPropagation(): void {}

  stopImmediatePropagation(): void {
    this.#stopped = true;
  }
}

type Listener = ((event: Event) => void) | { handleEvent(event: Event): void };

export class EventTarget {
  #listeners: { type: string; listener: Listener; once: boolean }[] = [];

  addEventListener(type: string, listener: Listener | null, options: boolean | { once?: boolean; signal?: AbortSignal } = {}): void {
    if (!listener || this.#listeners.some((known) => known.type === type && known.listener === listener)) return;
    const { once = false, signal } = typeof options === "object" ? options : {};
    if (signal?.aborted) return;
    this.#listeners.push({ type, listener, once });
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener), { once: true });
  }

  removeEventListener(type: string, listener: Listener | null): void {
    this.#listeners = this.#listeners.filter((known) => known.type !== type || known.listener !== listener);
  }

  dispatchEvent(event: Event): boolean {
    event.target = this;
    for (const { type, listener, once } of [...this.#listeners]) {
      if (type !== event.type || event.stopped) continue;
      if (once) this.removeEventListener(type, listener);
      if (typeof listener === "function") listener.call(this, event);
      else listener.handleEvent(event);
    }
    return !event.defaultPrevented;
  }
}

export class AbortSignal extends EventTarget {
  aborted = false;
  reason: unknown = undefined;
  onabort: ((event: Event) => void) | null = null;

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Of a controller, or of one of the functions below. */
  end(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const event = new Event("abort");
    this.onabort?.(event);
    this.dispatchEvent(event);
  }

  static abort(reason: unknown = aborted()): AbortSignal {
    const signal = new AbortSignal();
    signal.end(reason);
    return signal;
  }

  static timeout(ms: number): AbortSignal {
    const signal = new AbortSignal();
    setTimer(() => signal.end(new DOMException("The operation timed out.", "TimeoutError")), ms, [], false);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const signal = new AbortSignal();
    for (const one of signals) {
      if (one.aborted) signal.end(one.reason);
      else one.addEventListener("abort", () => signal.end(one.reason), { once: true });
    }
    return signal;
  }
}

export class AbortController {
  readonly signal = new AbortSignal();

  abort(reason: unknown = aborted()): void {
    this.signal.end(reason);
  }
}

function aborted(): unknown {
  return new DOMException("This operation was aborted", "AbortError");
}

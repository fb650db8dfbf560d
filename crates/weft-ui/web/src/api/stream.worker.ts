/** One event stream for all tabs of a browser: a SharedWorker that reads the API's events and hands them on. */
/// <reference lib="webworker" />

export type ToWorker = { kind: "hello"; base: string } | { kind: "visible"; visible: boolean } | { kind: "bye" };
export type FromWorker =
  | { kind: "events"; events: { type: string; data: string }[] }
  | { kind: "resync" }
  | { kind: "state"; up: boolean };

/** With every tab hidden for this long the stream ends; it resumes when one is shown. */
const HIDDEN_MS = 5 * 60_000;
/** Events of this long go to the tabs together. */
const BATCH_MS = 16;

const scope = self as unknown as SharedWorkerGlobalScope;
const tabs = new Map<MessagePort, { visible: boolean }>();
let base = "/";
let source: EventSource | undefined;
let last = "";
let up = false;
let hidden: ReturnType<typeof setTimeout> | undefined;
let batch: { type: string; data: string }[] = [];

function broadcast(message: FromWorker): void {
  for (const port of tabs.keys()) port.postMessage(message);
}

function setUp(next: boolean): void {
  if (up === next) return;
  up = next;
  broadcast({ kind: "state", up });
}

function onEvent(event: MessageEvent<string>): void {
  if (event.lastEventId) last = event.lastEventId;
  if (event.type === "resync") {
    batch = [];
    broadcast({ kind: "resync" });
    return;
  }
  if (batch.length === 0) {
    setTimeout(() => {
      const events = batch;
      batch = [];
      if (events.length > 0) broadcast({ kind: "events", events });
    }, BATCH_MS);
  }
  batch.push({ type: event.type, data: event.data });
}

function open(): void {
  if (source) return;
  const known = last;
  source = new EventSource(`${base}api/v1/events${known ? `?after=${encodeURIComponent(known)}` : ""}`);
  let opened = false;
  source.onopen = () => {
    // Without an id to resume from, what happened since the tabs read is unknown.
    if (opened ? !last : !known) broadcast({ kind: "resync" });
    opened = true;
    setUp(true);
  };
  source.onerror = () => {
    setUp(false);
    if (source?.readyState !== EventSource.CLOSED) return;
    // An answer that is no stream (signed out, a proxy's error): the browser gives up, so this tries again.
    source = undefined;
    setTimeout(watch, 3000 + Math.random() * 2000);
  };
  for (const type of ["run", "instance", "resync"]) source.addEventListener(type, onEvent);
}

function watch(): void {
  clearTimeout(hidden);
  if (tabs.size === 0) {
    source?.close();
    source = undefined;
    return;
  }
  if ([...tabs.values()].some((tab) => tab.visible)) {
    open();
    return;
  }
  hidden = setTimeout(() => {
    source?.close();
    source = undefined;
    up = false;
    // Without ids the gap can't be resumed.
    if (!last) broadcast({ kind: "resync" });
  }, HIDDEN_MS);
}

scope.onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === "hello") {
      base = data.base;
      tabs.set(port, { visible: true });
      port.postMessage({ kind: "state", up } satisfies FromWorker);
    } else if (data.kind === "visible") {
      tabs.set(port, { visible: data.visible });
    } else {
      tabs.delete(port);
      port.close();
    }
    watch();
  };
  port.start();
};

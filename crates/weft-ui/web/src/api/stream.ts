/** The event stream as a tab sees it: through the SharedWorker, or its own while it is visible. */
import { api, BASE } from "../lib/base";
import { store } from "../lib/store";
import type { FromWorker, ToWorker } from "./stream.worker";

/** When the connection was lost, in ms; undefined while it stands. */
export const lostAt = store<number | undefined>(undefined);

export interface Sink {
  events: (events: { type: string; data: string }[]) => void;
  resync: () => void;
}

function state(up: boolean): void {
  if (up) lostAt.set(undefined);
  else if (lostAt.get() === undefined) lostAt.set(Date.now());
}

function shared(sink: Sink): () => void {
  const worker = new SharedWorker(new URL("./stream.worker.ts", import.meta.url), { type: "module" });
  const send = (message: ToWorker) => worker.port.postMessage(message);
  let connected = false;
  worker.port.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    if (data.kind === "events") sink.events(data.events);
    else if (data.kind === "resync") sink.resync();
    else if (data.up || connected) {
      connected = true;
      state(data.up);
    }
  };
  const visible = () => send({ kind: "visible", visible: !document.hidden });
  const hello = () => send({ kind: "hello", base: BASE });
  const bye = () => send({ kind: "bye" });
  hello();
  document.addEventListener("visibilitychange", visible);
  window.addEventListener("pagehide", bye);
  return () => {
    bye();
    document.removeEventListener("visibilitychange", visible);
    window.removeEventListener("pagehide", bye);
  };
}

function own(sink: Sink): () => void {
  let source: EventSource | undefined;
  const open = () => {
    if (document.hidden) {
      source?.close();
      source = undefined;
      return;
    }
    if (source) return;
    source = new EventSource(api("events"));
    let opened = false;
    source.onopen = () => {
      // What happened since the last read, or while the tab was hidden, is unknown.
      if (!opened) sink.resync();
      opened = true;
      state(true);
    };
    source.onerror = () => state(false);
    for (const type of ["run", "instance"]) {
      source.addEventListener(type, (event) => sink.events([{ type, data: (event as MessageEvent<string>).data }]));
    }
    source.addEventListener("resync", sink.resync);
  };
  open();
  document.addEventListener("visibilitychange", open);
  return () => {
    source?.close();
    document.removeEventListener("visibilitychange", open);
  };
}

/** Follows all runs until the returned function is called. */
export function follow(sink: Sink): () => void {
  if (typeof SharedWorker !== "undefined") {
    try {
      return shared(sink);
    } catch {
      // Refused (a private window, an old browser): each visible tab for itself.
    }
  }
  return own(sink);
}

/** The lines of one attempt: read from the first on, then as they are printed, until the log ends. */
import { query, raw, seg } from "../../api/client";
import type { LogLine, LogPage } from "../../api/types";
import { type Level, levelOf, plain } from "../../lib/log";
import { events } from "../../lib/sse";

/** More lines than this are not kept in a page: the download has them all. */
const MAX_LINES = 1_000_000;
/** Waiting before a broken stream is read on. */
const AGAIN_MS = 1500;

export interface LogState {
  /** Counts up with each change. */
  version: number;
  total: number;
  ended: boolean;
  error: unknown;
  /** Lines that are lost: past retention or damaged. */
  incomplete: boolean;
  full: boolean;
}

export class LogStore {
  readonly lines: LogLine[] = [];
  readonly levels: Level[] = [];
  readonly counts: Record<Level, number> = { error: 0, warn: 0, info: 0, debug: 0 };
  private first = 0;
  private state: LogState = { version: 0, total: 0, ended: false, error: undefined, incomplete: false, full: false };
  private readonly listeners = new Set<() => void>();
  private readonly stop = new AbortController();
  private notified = false;

  constructor(private readonly at: { run: string; task: string; index: number; attempt: number }) {}

  start(): void {
    void this.follow();
  }

  close(): void {
    this.stop.abort();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): LogState => this.state;

  /** The number of a line that people see, from 1 on. */
  number(index: number): number {
    return this.first + index + 1;
  }

  /** The place of a line by its number from 0 on. */
  place(line: number): number {
    return Math.min(this.lines.length - 1, Math.max(0, line - this.first));
  }

  /** The places of the lines that match. */
  search(pattern: RegExp, from = 0): number[] {
    const out: number[] = [];
    const once = new RegExp(pattern.source, pattern.flags.replace("g", ""));
    for (let i = from; i < this.lines.length; i += 1) {
      const line = this.lines[i];
      if (line && once.test(plain(line.message))) out.push(i);
    }
    return out;
  }

  retry(): void {
    this.change({ error: undefined });
    void this.follow();
  }

  private change(part: Partial<LogState>): void {
    this.state = { ...this.state, ...part, version: this.state.version + 1, total: this.lines.length };
    if (this.notified) return;
    // Many pages of a large log come at once: listeners hear of them once a frame.
    this.notified = true;
    setTimeout(() => {
      this.notified = false;
      for (const listener of this.listeners) listener();
    }, 16);
  }

  private append(page: LogPage): void {
    if (this.lines.length === 0) this.first = page.first;
    const skip = Math.max(0, this.first + this.lines.length - page.first);
    for (const line of page.lines.slice(skip)) {
      const level = levelOf(line);
      this.lines.push(line);
      this.levels.push(level);
      this.counts[level] += 1;
    }
    this.change(page.incomplete ? { incomplete: true } : {});
  }

  private async follow(): Promise<void> {
    const { run, task, index, attempt } = this.at;
    while (!this.stop.signal.aborted && !this.state.ended) {
      try {
        const headers: Record<string, string> = { accept: "text/event-stream" };
        if (this.lines.length > 0) headers["last-event-id"] = String(this.first + this.lines.length);
        const response = await raw(`runs/${seg(run)}/tasks/${seg(task)}/${index}/logs/follow${query({ attempt })}`, {
          signal: this.stop.signal,
          headers,
        });
        if (!response.body) return;
        for await (const event of events(response.body)) {
          if (event.type === "lines") this.append(JSON.parse(event.data) as LogPage);
          else if (event.type === "end") this.change({ ended: true });
          if (this.lines.length >= MAX_LINES) {
            this.change({ ended: true, full: true });
            this.stop.abort();
          }
        }
      } catch (error) {
        if (this.stop.signal.aborted) return;
        const status = (error as { status?: number }).status ?? 0;
        if (status >= 400 && status < 500) {
          this.change({ error, ended: true });
          return;
        }
        if (this.lines.length === 0) this.change({ error });
      }
      if (!this.state.ended) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

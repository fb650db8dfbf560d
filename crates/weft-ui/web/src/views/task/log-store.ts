/**
 * The lines of one attempt, by number: pages are read when they are looked at and dropped when they are not, so that a
 * page of the browser never holds a whole log. A running attempt's new lines come by stream.
 */
import { json, query, raw, seg } from "../../api/client";
import type { LogLine, LogPage } from "../../api/types";
import { events } from "../../lib/sse";

/** Lines of a page: those that are long still come as one answer. */
export const PAGE = 200;
/** Pages that are held. */
const MAX_PAGES = 150;
/** Lines that are read first: more than a screen has. */
const FIRST = 120;
/** Requests for pages at once. */
const MAX_FETCHES = 2;
/** Waiting before a broken stream is read on. */
const AGAIN_MS = 1500;

export interface LogState {
  /** Counts up with each change. */
  version: number;
  /** Lines, with those before the first that there is. */
  total: number;
  /** Whether anything is known yet. */
  known: boolean;
  ended: boolean;
  error: unknown;
  /** Lines that are lost: past retention or damaged. */
  incomplete: boolean;
}

export interface LogAddress {
  run: string;
  task: string;
  index: number;
  attempt: number;
}

export const logPath = ({ run, task, index }: LogAddress, more = ""): string =>
  `runs/${seg(run)}/tasks/${seg(task)}/${index}/logs${more}`;

export class LogStore {
  /** By number; the last one used is the last. */
  private readonly pages = new Map<number, (LogLine | undefined)[]>();
  private readonly wanted: number[] = [];
  private readonly fetching = new Set<number>();
  private state: LogState = {
    version: 0,
    total: 0,
    known: false,
    ended: false,
    error: undefined,
    incomplete: false,
  };
  private readonly listeners = new Set<() => void>();
  private readonly stop = new AbortController();
  private notified = false;

  constructor(readonly at: LogAddress) {}

  start(): void {
    void this.open();
  }

  close(): void {
    this.stop.abort();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): LogState => this.state;

  retry(): void {
    this.change({ error: undefined });
    void this.open();
  }

  /** A line by its number from 0 on; undefined while it is not here, which makes it be read. */
  line(number: number): LogLine | undefined {
    const page = Math.floor(number / PAGE);
    const lines = this.pages.get(page);
    const line = lines?.[number - page * PAGE];
    if (lines) {
      this.pages.delete(page);
      this.pages.set(page, lines);
    }
    if (!line) this.want(page);
    return line;
  }

  /** Every line of a range, also those that are not drawn; at most `max`. */
  async range(from: number, to: number, max: number): Promise<LogLine[]> {
    const out: LogLine[] = [];
    const end = Math.min(to + 1, from + max, this.state.total);
    let next = from;
    while (next < end) {
      const page = await this.read(next, Math.min(5000, end - next));
      if (page.lines.length === 0) break;
      out.push(...page.lines);
      next = page.first + page.lines.length;
    }
    return out;
  }

  private change(part: Partial<LogState>): void {
    this.state = { ...this.state, ...part, version: this.state.version + 1 };
    if (this.notified) return;
    // Many events come at once: listeners hear of them once a frame.
    this.notified = true;
    setTimeout(() => {
      this.notified = false;
      for (const listener of this.listeners) listener();
    }, 16);
  }

  private read(from: number, lines: number): Promise<LogPage> {
    const { attempt } = this.at;
    return json<LogPage>(`${logPath(this.at)}${query({ attempt, from_line: from, lines })}`, this.stop.signal);
  }

  private put(page: LogPage): void {
    page.lines.forEach((line, i) => {
      const number = page.first + i;
      const at = Math.floor(number / PAGE);
      let lines = this.pages.get(at);
      if (!lines) {
        lines = new Array<LogLine | undefined>(PAGE);
        this.pages.set(at, lines);
      }
      lines[number - at * PAGE] = line;
    });
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= MAX_PAGES) break;
      this.pages.delete(oldest);
    }
  }

  private want(page: number): void {
    if (this.fetching.has(page) || this.wanted.includes(page) || page * PAGE >= this.state.total) return;
    this.wanted.push(page);
    // What is looked at now comes first: what one scrolled past is not read.
    if (this.wanted.length > 4) this.wanted.shift();
    queueMicrotask(() => void this.fetchNext());
  }

  private async fetchNext(): Promise<void> {
    if (this.fetching.size >= MAX_FETCHES) return;
    const page = this.wanted.pop();
    if (page === undefined) return;
    this.fetching.add(page);
    try {
      const end = Math.min((page + 1) * PAGE, this.state.total);
      let next = page * PAGE;
      // Long lines come in several answers.
      while (next < end) {
        const answer = await this.read(next, end - next);
        if (answer.lines.length === 0) break;
        this.put(answer);
        next = answer.first + answer.lines.length;
      }
      this.change({});
    } catch (error) {
      if (!this.stop.signal.aborted) this.change({ error });
    } finally {
      this.fetching.delete(page);
      void this.fetchNext();
    }
  }

  /** A stored log says how many lines it has; one that is being written is followed. */
  private async open(): Promise<void> {
    try {
      const page = await this.read(0, FIRST);
      if (page.total != null) {
        this.put(page);
        this.change({ total: page.total, known: true, ended: true, incomplete: page.incomplete });
        return;
      }
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.change({ error, known: true });
      if (((error as { status?: number }).status ?? 0) < 500) {
        this.change({ ended: true });
        return;
      }
    }
    await this.follow();
  }

  private append(page: LogPage): void {
    this.put(page);
    this.change({
      known: true,
      error: undefined,
      total: Math.max(this.state.total, page.first + page.lines.length),
      ...(page.incomplete ? { incomplete: true } : {}),
    });
  }

  /** It has ended: lines that came too fast to be shown live are in the stored log. */
  private async settle(): Promise<void> {
    if (this.state.incomplete) this.pages.clear();
    const page = await this.read(0, PAGE).catch(() => undefined);
    if (page?.total != null) this.put(page);
    this.change({
      known: true,
      ended: true,
      total: page?.total ?? this.state.total,
      incomplete: page ? page.incomplete : this.state.incomplete,
    });
  }

  private async follow(): Promise<void> {
    const { attempt } = this.at;
    while (!this.stop.signal.aborted && !this.state.ended) {
      try {
        const headers: Record<string, string> = { accept: "text/event-stream" };
        if (this.state.total > 0) headers["last-event-id"] = String(this.state.total);
        const response = await raw(`${logPath(this.at, "/follow")}${query({ attempt })}`, {
          signal: this.stop.signal,
          headers,
        });
        if (!response.body) return;
        for await (const event of events(response.body)) {
          if (event.type === "lines") this.append(JSON.parse(event.data) as LogPage);
          else if (event.type === "end") await this.settle();
        }
      } catch (error) {
        if (this.stop.signal.aborted) return;
        const status = (error as { status?: number }).status ?? 0;
        if (status >= 400 && status < 500) {
          this.change({ error, known: true, ended: true });
          return;
        }
        if (this.state.total === 0) this.change({ error, known: true });
      }
      if (!this.state.ended) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

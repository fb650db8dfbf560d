/** Answers of the operations made for overviews: columns of states, layouts, groups of failures. */
import type { Counts, RunKind, RunState } from "./types";
import type { InstanceState } from "../state/states";

export interface GridRow {
  task: string;
  group?: string | null;
  mapped: boolean;
}

export interface GridRun {
  id: string;
  version: number;
  kind: RunKind;
  state: RunState;
  logical_date: string;
  created: string;
  started?: string | null;
  ended?: string | null;
  duration_ms?: number | null;
  counts: Counts;
  /** Code and length, alternating, over the rows. */
  cells: number[];
  mapped?: { row: number; instances: number; counts: number[] }[];
}

export interface Grid {
  rows_id: string;
  rows: GridRow[];
  runs: GridRun[];
  next?: string | null;
}

export interface AttemptBar {
  task: string;
  index: number;
  number: number;
  state: string;
  queued?: string | null;
  started?: string | null;
  ended?: string | null;
  worker?: string | null;
}

export interface Layout {
  width: number;
  height: number;
  nodes: { id: string; kind: "task" | "group"; task?: string; tasks?: number; x: number; y: number }[];
  groups: { id: string; x: number; y: number; width: number; height: number }[];
  edges: { from: number; to: number; points: number[] }[];
}

export interface FailureGroup {
  fingerprint: string;
  code: string;
  message: string;
  count: number;
  first: string;
  last: string;
  first_version?: number | null;
  dags: string[];
  tasks: { dag: string; task: string }[];
  newest: { dag: string; run: string; task: string; index: number; attempt: number; at?: string; line?: number | null };
  hours: number[];
}

export interface Failures {
  since: string;
  groups: FailureGroup[];
  truncated?: boolean;
}

export interface Overview {
  since: string;
  running: number;
  queued: number;
  late?: number;
  failed: number;
  succeeded?: number | null;
  dags: { total: number; paused: number; failing?: number };
  capped?: boolean;
  hours?: { at: string; success: number; failed: number; cancelled?: number }[];
  instances?: Partial<Counts>;
  health: {
    schedulers?: { live: number; since_turn_ms?: number | null };
    shards?: { total: number; unowned: number };
    workers?: { count: number; slots: number; running: number; draining: number };
    queues?: { name: string; queued: number; ready: number; workers: number; places: number }[];
    broker?: string;
  };
}

export interface Durations {
  runs: {
    id: string;
    version: number;
    state: RunState;
    logical_date: string;
    started?: string | null;
    ended?: string | null;
    duration_ms?: number | null;
    waited_ms?: number | null;
  }[];
  tasks?: { task: string; durations_ms: (number | null)[] }[];
}

export interface Schedule {
  timezone: string;
  schedule?: string | null;
  paused: boolean;
  dates: { logical_date: string; run_at: string; interval?: { start: string; end: string }; local?: string }[];
}

export interface RecentRun {
  id: string;
  state: RunState;
  kind?: RunKind;
  logical_date?: string;
  duration_ms?: number | null;
  started?: string | null;
}

export interface ClearPreview {
  instances: { task: string; index: number; state: InstanceState }[];
  total?: number;
}

export interface LogHits {
  total: number;
  complete?: boolean;
  hits: { line: number; spans: [number, number][] }[];
  levels?: Record<string, number>;
}

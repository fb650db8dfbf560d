/**
 * What a running task asks its host for. There are two hosts: the sandbox's
 * (`guest/host.ts`) and one in this process for tests (`testing.ts`). Tasks
 * never see either; `current` is the one that answers.
 */

export type Level = "trace" | "debug" | "info" | "warn" | "error";

/** The attempt that is running, as `attempt.schema.json` says. */
export interface AttemptDocument {
  tenant: string;
  dag: string;
  run: string;
  task: string;
  map_index: number | null;
  number: number;
  logical_date: string;
  data_interval: { start: string; end: string };
  params: Record<string, unknown>;
  deadline: string | null;
  idempotency_key: string;
  /** What ended a wait; absent in any other attempt. */
  woken?: WokenDocument | null;
}

/** What ended a wait: the fields of one of the kinds of `attempt.schema.json`. */
export interface WokenDocument {
  event?: string;
  payload?: unknown;
  timeout?: boolean;
  command?: boolean;
  run?: string | null;
  dag?: string | null;
  task?: string;
  state?: string;
  outputs?: Record<string, unknown>;
  error?: { code: string; message: string };
  approval?: DecisionDocument;
  update?: ObservedUpdateDocument;
}

/** The answer to what a task asked. */
export interface DecisionDocument {
  option: string;
  comment: string | null;
  fields: Record<string, unknown>;
  by: string | null;
  at: string | null;
}

/** The update of an asset that ended a wait. */
export interface ObservedUpdateDocument {
  asset: string;
  partition: string | null;
  metadata: Record<string, unknown> | null;
  at: string;
  run: string | null;
}

/** An artifact that is being written. */
export interface ArtifactSink {
  write(data: Uint8Array): void;
  /** Ends it and makes its reference. */
  finish(): string;
}

/** An artifact that is being read: a part at a time, `null` at the end. */
export interface ArtifactSource {
  read(): Uint8Array | null;
}

/** Everything that crosses the border of the sandbox, apart from HTTP. */
export interface Host {
  attempt(): AttemptDocument;
  /** After a deferral: the state that was left. */
  resumed(): unknown;
  progress(fraction: number, message: string): void;
  cancelled(): boolean;
  log(level: Level, message: string, fields: [string, string][]): void;
  /** Throws `VariableDenied` or `VariableNotFound`. */
  variable(name: string): string;
  createArtifact(mediaType: string): ArtifactSink;
  openArtifact(reference: string): ArtifactSource;
  /** An exception with its stack, by the author's files and lines. */
  trace(error: unknown): string;
}

let installed: Host | undefined;

/** The host of the attempt that is running. */
export function current(): Host {
  if (installed === undefined) {
    throw new Error(
      'no task is running; in a unit test use `attempt({}, () => ...)` or `run(dag)` of "@weft/sdk/testing"',
    );
  }
  return installed;
}

/** Makes a host the current one, and answers with the one before. */
export function install(host: Host | undefined): Host | undefined {
  const before = installed;
  installed = host;
  return before;
}

/** A host in this process: artifacts in memory, variables that a test names. */

import { ArtifactDenied } from "../artifact.js";
import type { ArtifactSink, ArtifactSource, AttemptDocument, Host, Level } from "../host.js";
import { deniedVariable, VariableNotFound } from "../variable.js";

/** A line that a task wrote with `log`. */
export interface LogLine {
  task: string;
  level: Level;
  message: string;
  fields: Record<string, string>;
}

export class TestHost implements Host {
  readonly progressed: [fraction: number, message: string][] = [];

  constructor(
    readonly document: AttemptDocument,
    readonly artifacts: Map<string, Uint8Array>,
    readonly variables: Readonly<Record<string, string>>,
    /** Names of variables that the task may read; without them all. */
    readonly granted: readonly string[] | undefined,
    readonly left: unknown,
    readonly lines: LogLine[] = [],
  ) {}

  attempt(): AttemptDocument {
    return this.document;
  }

  resumed(): unknown {
    return this.left;
  }

  progress(fraction: number, message: string): void {
    this.progressed.push([fraction, message]);
  }

  cancelled(): boolean {
    return false;
  }

  log(level: Level, message: string, fields: [string, string][]): void {
    this.lines.push({ task: this.document.task, level, message, fields: Object.fromEntries(fields) });
  }

  variable(name: string): string {
    if (this.granted && !this.granted.includes(name)) throw deniedVariable(name);
    const value = this.variables[name];
    if (value === undefined) throw new VariableNotFound(`there is no variable ${JSON.stringify(name)}`);
    return value;
  }

  createArtifact(): ArtifactSink {
    const parts: number[] = [];
    const reference = `test:${this.artifacts.size}`;
    return {
      write: (data) => {
        for (const byte of data) parts.push(byte);
      },
      finish: () => {
        this.artifacts.set(reference, Uint8Array.from(parts));
        return reference;
      },
    };
  }

  openArtifact(reference: string): ArtifactSource {
    const data = this.artifacts.get(reference);
    if (!data) throw new ArtifactDenied(`artifact ${reference}: this task wasn't given it`);
    let rest: Uint8Array | null = data;
    return {
      read: () => {
        const part = rest;
        rest = null;
        return part?.length ? part : null;
      },
    };
  }

  trace(error: unknown): string {
    return error instanceof Error ? (error.stack ?? String(error)) : String(error);
  }
}

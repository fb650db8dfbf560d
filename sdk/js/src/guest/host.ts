/** The sandbox's host, as tasks ask it. */

import store from "weft:artifacts/store@0.1.0";
import context from "weft:dag/context@0.1.0";
import logger from "weft:dag/log@0.1.0";
import variables from "weft:dag/variables@0.1.0";
import { ArtifactDenied, ArtifactTooLarge, ArtifactUnavailable } from "../artifact.js";
import type { ArtifactSink, ArtifactSource, AttemptDocument, Host, Level } from "../host.js";
import { deniedVariable, VariableNotFound } from "../variable.js";
import { refusal } from "./refusal.js";
import { trace } from "./trace.js";

/** What a stream takes at once, as `wasi:io` says. */
const WRITE_BYTES = 4096;
const READ_BYTES = 64 << 10;

export const host: Host = {
  attempt: () => JSON.parse(context.attempt()) as AttemptDocument,
  resumed(): unknown {
    const left = context.resumed();
    return left === null || left === undefined ? null : (JSON.parse(left) as unknown);
  },
  progress: (fraction, message) => context.progress(Number(fraction), String(message)),
  cancelled: () => context.cancelled(),
  log: (level: Level, message, fields) => logger.write(level, message, fields),
  variable(name: string): string {
    try {
      return variables.get(name);
    } catch (error) {
      if (refusal(error).tag === "denied") throw deniedVariable(name);
      throw new VariableNotFound(`there is no variable ${JSON.stringify(name)}`);
    }
  },
  createArtifact(mediaType: string): ArtifactSink {
    const writer = tried("the new artifact", () => store.create(mediaType));
    const stream = tried("the new artifact", () => writer.body());
    return {
      write(data: Uint8Array): void {
        for (let at = 0; at < data.length; at += WRITE_BYTES) {
          const part = data.slice(at, at + WRITE_BYTES);
          try {
            stream.blockingWriteAndFlush(part);
          } catch {
            // The store says what is wrong when the artifact is ended.
            stream[Symbol.dispose]();
            tried("the new artifact", () => store.Writer.finish(writer));
            throw new ArtifactUnavailable("the artifact can't be written");
          }
        }
      },
      finish(): string {
        stream[Symbol.dispose]();
        return tried("the new artifact", () => store.Writer.finish(writer));
      },
    };
  },
  openArtifact(reference: string): ArtifactSource {
    const stream = tried(`artifact ${reference}`, () => store.open(reference));
    return {
      read(): Uint8Array | null {
        try {
          return stream.blockingRead(READ_BYTES);
        } catch (error) {
          stream[Symbol.dispose]();
          if (refusal(error).tag === "closed") return null;
          throw new ArtifactUnavailable(`artifact ${reference} can't be read to its end`);
        }
      },
    };
  },
  trace,
};

function tried<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    switch (refusal(error).tag) {
      case "denied":
        throw new ArtifactDenied(`${what}: this task wasn't given it`);
      case "not-found":
        throw new ArtifactDenied(`${what}: there is none`);
      case "too-large":
        throw new ArtifactTooLarge(`${what} is larger than the task's limit; raise it: limits: { artifact: "1GiB" }`);
      case "unavailable":
        throw new ArtifactUnavailable(`${what}: the store does not answer`);
      default:
        throw error;
    }
  }
}

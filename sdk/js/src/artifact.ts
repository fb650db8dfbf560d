/**
 * Large data between tasks: written and read in parts, passed by reference.
 *
 *     const draw = task(function draw() {
 *       return Artifact.write("<svg/>", "image/svg+xml");
 *     });
 *     const size = task(function size({ chart }: { chart: Artifact }) {
 *       return chart.read().length;
 *     });
 */

import { Fail, Retry } from "./ending.js";
import { type ArtifactSink, current } from "./host.js";

/** This task was not given the artifact. */
export class ArtifactDenied extends Fail {
  override name = "ArtifactDenied";
}

/** It is larger than the task's limit. */
export class ArtifactTooLarge extends Fail {
  override name = "ArtifactTooLarge";
}

/** The store does not answer. */
export class ArtifactUnavailable extends Retry {
  override name = "ArtifactUnavailable";
}

const MEDIA_TYPE = "application/octet-stream";

/** A reference to data that a task wrote; returned and taken like any other value. */
export class Artifact {
  constructor(readonly reference: string) {}

  /** Begins an artifact of a media type such as `text/csv`. */
  static create(mediaType: string = MEDIA_TYPE): ArtifactWriter {
    return new ArtifactWriter(current().createArtifact(mediaType));
  }

  /** Writes a whole artifact at once; text goes as UTF-8. */
  static write(data: string | Uint8Array, mediaType: string = MEDIA_TYPE): Artifact {
    const writer = Artifact.create(mediaType);
    writer.write(data);
    return writer.finish();
  }

  /**
   * Goes through it, a part at a time. Only what came in through this task's
   * inputs, or was created by it, can be opened.
   */
  *parts(): Generator<Uint8Array, void, undefined> {
    const source = current().openArtifact(this.reference);
    for (let part = source.read(); part !== null; part = source.read()) yield part;
  }

  /** Reads it whole. */
  read(): Uint8Array {
    const parts = [...this.parts()];
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Reads it whole, as UTF-8. */
  text(): string {
    return new TextDecoder().decode(this.read());
  }
}

/** An artifact that is being written; kept only once `finish` was called. */
export class ArtifactWriter {
  readonly #sink: ArtifactSink;

  constructor(sink: ArtifactSink) {
    this.#sink = sink;
  }

  write(data: string | Uint8Array): void {
    this.#sink.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  /** Ends it. */
  finish(): Artifact {
    return new Artifact(this.#sink.finish());
  }
}

/** What `Request` and `Response` have in common: a body, whole or as it comes, that is read once. */

import { TextDecoder, TextEncoder } from "./text.js";

/** A part at a time, `null` at the end. */
export interface Parts {
  next(): Promise<Uint8Array | null>;
  /** Lets go of what was not read. */
  close(): void;
}

export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | null | undefined;

/** The bytes of a body that an author gave, and the type that follows from it. */
export function bytesOf(given: BodyInit): { bytes: Uint8Array | null; type: string | null } {
  if (given === null || given === undefined) return { bytes: null, type: null };
  if (given instanceof URLSearchParams) {
    return { bytes: new TextEncoder().encode(String(given)), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  if (ArrayBuffer.isView(given)) return { bytes: new Uint8Array(given.buffer, given.byteOffset, given.byteLength), type: null };
  if (given instanceof ArrayBuffer) return { bytes: new Uint8Array(given), type: null };
  if (typeof given === "object" && String(given).startsWith("[object ")) {
    throw new TypeError("a body is text, bytes or URLSearchParams; make text of an object with JSON.stringify");
  }
  return { bytes: new TextEncoder().encode(given), type: "text/plain;charset=UTF-8" };
}

/** The whole of a body as its only part. */
export function whole(bytes: Uint8Array): Parts {
  let rest: Uint8Array | null = bytes;
  return {
    async next() {
      const part = rest;
      rest = null;
      return part;
    },
    close() {},
  };
}

/** The part of `ReadableStream` that reads. */
class Stream {
  locked = false;

  constructor(readonly take: () => Parts) {}

  getReader(): object {
    if (this.locked) throw new TypeError("the stream is locked");
    this.locked = true;
    const parts = this.take();
    return {
      async read(): Promise<{ value: Uint8Array | undefined; done: boolean }> {
        const value = await parts.next();
        return value === null ? { value: undefined, done: true } : { value, done: false };
      },
      cancel: async (): Promise<void> => parts.close(),
      releaseLock: (): void => void (this.locked = false),
    };
  }

  async cancel(): Promise<void> {
    this.take().close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const parts = this.take();
    try {
      for (let part = await parts.next(); part !== null; part = await parts.next()) yield part;
    } finally {
      parts.close();
    }
  }
}

export class Body {
  bodyUsed = false;
  readonly #parts: Parts | null;
  readonly body: Stream | null;

  constructor(parts: Parts | null) {
    this.#parts = parts;
    let taken: Parts | undefined;
    this.body = parts && new Stream(() => (taken ??= this.#take()!));
  }

  #take(): Parts | null {
    if (this.bodyUsed) throw new TypeError("the body was read already");
    this.bodyUsed = this.#parts !== null;
    return this.#parts;
  }

  async bytes(): Promise<Uint8Array> {
    const parts = this.#take();
    const all: Uint8Array[] = [];
    for (let part = await parts?.next(); part; part = await parts?.next()) all.push(part);
    if (all.length === 1) return all[0]!;
    const bytes = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of all) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return Uint8Array.from(await this.bytes()).buffer;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}

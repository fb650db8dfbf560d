/**
 * The interfaces of the contract as the engine offers them to a program. The
 * packages of WASI are named `wqjs:` (see `wit/guest.wit`). What a function
 * refuses comes as an exception (`refusal.ts`).
 */

declare module "weft:dag/context@0.1.0" {
  const context: {
    attempt(): string;
    resumed(): string | null;
    progress(fraction: number, message: string): void;
    cancelled(): boolean;
  };
  export default context;
}

declare module "weft:dag/log@0.1.0" {
  const log: { write(level: string, message: string, fields: [string, string][]): void };
  export default log;
}

declare module "weft:dag/variables@0.1.0" {
  /** Refuses with `denied` or `not-found`. */
  const variables: { get(name: string): string };
  export default variables;
}

declare module "weft:artifacts/store@0.1.0" {
  import type { InputStream, OutputStream, Resource } from "host-streams";
  interface Writer extends Resource {
    body(): OutputStream;
  }
  const store: {
    create(mediaType: string): Writer;
    open(reference: string): InputStream;
    Writer: { finish(writer: Writer): string };
  };
  export default store;
}

declare module "host-streams" {
  export interface Resource {
    [Symbol.dispose](): void;
  }
  export interface Pollable extends Resource {
    ready(): boolean;
    block(): void;
  }
  export interface InputStream extends Resource {
    /** Refuses with `closed` at the end. */
    read(length: number): Uint8Array;
    blockingRead(length: number): Uint8Array;
    subscribe(): Pollable;
  }
  export interface OutputStream extends Resource {
    blockingWriteAndFlush(data: Uint8Array): void;
  }
}

declare module "wqjs:io/poll@0.2.0" {
  import type { Pollable } from "host-streams";
  const poll: { poll(all: Pollable[]): number[] | Uint32Array };
  export default poll;
}

declare module "wqjs:clocks/monotonic-clock@0.2.0" {
  import type { Pollable } from "host-streams";
  const clock: { subscribeDuration(nanoseconds: number): Pollable };
  export default clock;
}

declare module "wqjs:random/random@0.2.0" {
  const random: { getRandomBytes(length: number): Uint8Array };
  export default random;
}

declare module "wqjs:http/outgoing-handler@0.2.0" {
  import type { FutureIncomingResponse, OutgoingRequest, RequestOptions } from "host-http";
  const handler: { handle(request: OutgoingRequest, options: RequestOptions | null): FutureIncomingResponse };
  export default handler;
}

declare module "host-http" {
  import type { Variant } from "./refusal";
  import type { InputStream, OutputStream, Pollable, Resource } from "host-streams";
  export interface Fields extends Resource {
    entries(): [string, Uint8Array][];
  }
  export interface OutgoingBody extends Resource {
    write(): OutputStream;
  }
  export interface OutgoingRequest extends Resource {
    body(): OutgoingBody;
    setMethod(method: Variant): void;
    setPathWithQuery(path: string): void;
    setScheme(scheme: Variant): void;
    setAuthority(authority: string): void;
  }
  export type RequestOptions = Resource;
  export interface IncomingBody extends Resource {
    stream(): InputStream;
  }
  export interface IncomingResponse extends Resource {
    status(): number;
    headers(): Fields;
    consume(): IncomingBody;
  }
  /** Whether it was asked for already, and in it what came of it. */
  type Answer = { tag: "ok"; val: { tag: "ok"; val: IncomingResponse } | { tag: "err"; val: Variant } } | { tag: "err" };
  export interface FutureIncomingResponse extends Resource {
    subscribe(): Pollable;
    get(): Answer | null;
  }
}

declare module "wqjs:http/types@0.2.0" {
  import type { Fields, OutgoingBody, OutgoingRequest } from "host-http";
  const types: {
    Fields: { fromList(entries: [string, Uint8Array][]): Fields };
    OutgoingRequest: new (headers: Fields) => OutgoingRequest;
    OutgoingBody: { finish(body: OutgoingBody, trailers: Fields | null): void };
  };
  export default types;
}

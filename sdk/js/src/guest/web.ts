/** One HTTP request through `wasi:http`: sent at once, its answer awaited beside whatever else goes on. */

import handler from "wqjs:http/outgoing-handler@0.2.0";
import types from "wqjs:http/types@0.2.0";
import type { FutureIncomingResponse, IncomingResponse, OutgoingRequest } from "host-http";
import type { Pollable, Resource } from "host-streams";
import type { Parts } from "./body.js";
import { HttpDenied, type Request, Response } from "./fetch.js";
import { whenReady } from "./loop.js";
import { refusal, type Variant } from "./refusal.js";
import { TextDecoder, TextEncoder } from "./text.js";

/** What a stream takes at once, as `wasi:io` says. */
const WRITE_BYTES = 4096;
const READ_BYTES = 64 << 10;
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
/** Headers that belong to the connection, which is the host's. */
const OF_CONNECTION = ["connection", "host", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"];
/** Answers of these never have a body. */
const WITHOUT_BODY = [204, 205, 304];

export async function send(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const outgoing = prepared(request, url);
  const body = outgoing.body();
  let future: FutureIncomingResponse;
  try {
    future = handler.handle(outgoing, null);
  } catch (error) {
    body[Symbol.dispose]();
    throw failure(url, refusal(error));
  }
  try {
    const refused = write(body, request.content);
    await ready(future.subscribe(), request.signal);
    const answer = future.get();
    const outcome = answer?.tag === "ok" ? answer.val : null;
    if (!outcome) throw refused ?? new TypeError(`${url.origin}: there was no answer`);
    if (outcome.tag === "err") throw failure(url, outcome.val);
    return answered(outcome.val, request);
  } finally {
    future[Symbol.dispose]();
  }
}

function prepared(request: Request, url: URL): OutgoingRequest {
  if (!["http:", "https:"].includes(url.protocol)) throw new TypeError(`fetch speaks HTTP, not ${url.protocol}`);
  const headers = new Map([...request.headers].filter(([name]) => !OF_CONNECTION.includes(name)));
  if (request.content) headers.set("content-length", String(request.content.length));
  if (!headers.has("accept")) headers.set("accept", "*/*");
  if (!headers.has("user-agent")) headers.set("user-agent", "weft");
  const encoder = new TextEncoder();
  const outgoing = new types.OutgoingRequest(types.Fields.fromList([...headers].map(([name, value]) => [name, encoder.encode(value)])));
  outgoing.setMethod(METHODS.includes(request.method) ? { tag: request.method.toLowerCase() } : { tag: "other", val: request.method });
  outgoing.setScheme({ tag: url.protocol === "https:" ? "HTTPS" : "HTTP" });
  outgoing.setAuthority(url.host);
  outgoing.setPathWithQuery(url.pathname + url.search);
  return outgoing;
}

/** A body that the other side doesn't take: the answer may still say why. */
function write(body: ReturnType<OutgoingRequest["body"]>, content: Uint8Array | null): Error | undefined {
  try {
    if (content?.length) {
      const stream = body.write();
      try {
        for (let at = 0; at < content.length; at += WRITE_BYTES) stream.blockingWriteAndFlush(content.slice(at, at + WRITE_BYTES));
      } finally {
        stream[Symbol.dispose]();
      }
    }
    types.OutgoingBody.finish(body, null);
  } catch (error) {
    return new TypeError(`the body of the request was not sent: ${words(refusal(error))}`);
  }
  return undefined;
}

function answered(response: IncomingResponse, request: Request): Response {
  const decoder = new TextDecoder();
  const fields = response.headers();
  const headers = fields.entries().map(([name, value]): [string, string] => [name, decoder.decode(value)]);
  fields[Symbol.dispose]();
  const status = response.status();
  const init = { status, headers };
  if (request.method === "HEAD" || WITHOUT_BODY.includes(status)) {
    response[Symbol.dispose]();
    return new Response(null, init);
  }
  return new Response({ parts: parts(response, request) }, init);
}

function parts(response: IncomingResponse, { url, signal }: Request): Parts {
  const body = response.consume();
  const stream = body.stream();
  // Each lives inside of the next, and must be gone before it.
  let open: Resource[] = [stream, body, response];
  const close = (): void => {
    for (const resource of open) resource[Symbol.dispose]();
    open = [];
  };
  const next = async (): Promise<Uint8Array | null> => {
    while (open.length > 0) {
      await ready(stream.subscribe(), signal);
      try {
        const part = stream.read(READ_BYTES);
        if (part.length > 0) return part;
      } catch (error) {
        const { tag } = refusal(error);
        close();
        if (tag !== "closed") throw new TypeError(`${new URL(url).origin}: the answer broke off`);
      }
    }
    return null;
  };
  return { next, close };
}

/** Waits for the host, or for the signal. */
function ready(pollable: Pollable, signal: Request["signal"]): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = whenReady(pollable, () => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
    const aborted = (): void => {
      forget();
      reject(signal.reason);
    };
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
  });
}

function failure(url: URL, code: Variant): Error {
  if (code.tag === "HTTP-request-denied") {
    const host = url.protocol === "https:" ? url.host : url.origin;
    return new HttpDenied(`HTTP to ${url.origin} was not granted to this task; add it: grants: { http: [${JSON.stringify(host)}] }`);
  }
  return new TypeError(`${url.origin}: ${words(code)}`);
}

function words(code: Variant): string {
  const text = code.tag.replaceAll("-", " ");
  const detail = typeof code.val === "string" ? code.val : "";
  return detail ? `${text}: ${detail}` : text;
}

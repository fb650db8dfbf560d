/**
 * `fetch`, `Request` and `Response` over `wasi:http`, which is the only way out
 * of the sandbox. The host resolves names, makes the connection, and checks
 * certificates and the task's grants, each redirection's too.
 */

import { Fail } from "../ending.js";
import { Body, type BodyInit, bytesOf, type Parts, whole } from "./body.js";
import { AbortSignal } from "./events.js";
import { Headers, type HeadersInit } from "./headers.js";
import { send } from "./web.js";

/** As browsers and Node do it. */
const MOST_REDIRECTIONS = 20;

/** The task has no grant for the host; a retry doesn't help. */
export class HttpDenied extends Fail {
  override name = "HttpDenied";
}

interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit;
  redirect?: "follow" | "error" | "manual";
  signal?: AbortSignal | null;
}

export class Request extends Body {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly redirect: "follow" | "error" | "manual";
  readonly signal: AbortSignal;
  /** The body, to be sent as often as redirections ask for it. */
  readonly content: Uint8Array | null;

  constructor(given: string | URL | Request, init: RequestInit = {}) {
    const from = given instanceof Request ? given : undefined;
    const { bytes, type } = bytesOf(init.body);
    const content = bytes ?? from?.content ?? null;
    super(content && whole(content));
    this.content = content;
    this.url = from?.url ?? new URL(String(given)).href;
    const method = String(init.method ?? from?.method ?? "GET");
    this.method = /^(delete|get|head|options|post|put|patch)$/i.test(method) ? method.toUpperCase() : method;
    if (content && ["GET", "HEAD"].includes(this.method)) throw new TypeError(`a ${this.method} request has no body`);
    this.headers = new Headers(init.headers ?? from?.headers);
    if (type && !this.headers.has("content-type")) this.headers.set("content-type", type);
    this.redirect = init.redirect ?? from?.redirect ?? "follow";
    this.signal = init.signal ?? from?.signal ?? new AbortSignal();
  }

  clone(): Request {
    return new Request(this);
  }
}

interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

export class Response extends Body {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly type = "default";
  url = "";
  redirected = false;

  constructor(given?: BodyInit | { parts: Parts }, { status = 200, statusText = "", headers }: ResponseInit = {}) {
    const ready = typeof given === "object" && given !== null && "parts" in given;
    const { bytes, type } = ready ? { bytes: null, type: null } : bytesOf(given);
    super(ready ? given.parts : bytes && whole(bytes));
    this.status = status;
    this.statusText = statusText;
    this.headers = new Headers(headers);
    if (type && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  static json(value: unknown, init: ResponseInit = {}): Response {
    const response = new Response(JSON.stringify(value), init);
    if (!new Headers(init.headers).has("content-type")) response.headers.set("content-type", "application/json");
    return response;
  }
}

export async function fetch(given: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  let request = new Request(given, init);
  for (let count = 0; ; count++) {
    request.signal.throwIfAborted();
    const response = await send(request);
    response.url = request.url;
    response.redirected = count > 0;
    const location = [301, 302, 303, 307, 308].includes(response.status) ? response.headers.get("location") : null;
    if (location === null || request.redirect === "manual") return response;
    if (request.redirect === "error") throw new TypeError(`${request.url}: it redirects to ${location}`);
    if (count >= MOST_REDIRECTIONS) throw new TypeError(`${request.url}: it redirects more than ${MOST_REDIRECTIONS} times`);
    await response.body?.cancel();
    request = redirected(request, response.status, new URL(location, request.url));
  }
}

function redirected(request: Request, status: number, to: URL): Request {
  const headers = new Headers(request.headers);
  const forgets = (status === 303 && request.method !== "HEAD") || (status < 303 && request.method === "POST");
  if (forgets) for (const name of ["content-type", "content-encoding", "content-language", "content-location"]) headers.delete(name);
  // Credentials are for one origin.
  if (to.origin !== new URL(request.url).origin) for (const name of ["authorization", "cookie"]) headers.delete(name);
  return new Request(to, {
    method: forgets ? "GET" : request.method,
    headers,
    body: forgets ? null : request.content,
    signal: request.signal,
    redirect: request.redirect,
  });
}

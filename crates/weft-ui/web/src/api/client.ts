/** Requests to the API: the header of writes, errors with code and request id, the end of a session. */
import createClient from "openapi-fetch";
import { api as address, BASE } from "../lib/base";
import { store } from "../lib/store";
import type { paths } from "./schema";
import type { Problem } from "./types";

/** Whether the server answered 401: the session is missing or has ended. */
export const signedOut = store(false);

/** A refused or failed request, with what a person needs to report it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly help?: string,
    readonly request?: string,
    readonly problems: Problem["problems"] = [],
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** The error that an answer tells of; its body need not be a problem (a proxy's page). */
export async function errorOf(response: Response): Promise<ApiError> {
  const request = response.headers.get("x-request-id") ?? undefined;
  let body: Partial<Problem> = {};
  try {
    body = (await response.json()) as Partial<Problem>;
  } catch {
    // No JSON: the status has to do.
  }
  return new ApiError(
    response.status,
    body.code ?? `http_${response.status}`,
    body.detail ?? body.title ?? `The server answered ${response.status} ${response.statusText}`,
    body.help ?? undefined,
    body.request ?? request,
    body.problems ?? [],
  );
}

const headers = { "weft-ui": "1" };

async function send(request: Request): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "The server can't be reached");
  }
  if (!response.ok) {
    if (response.status === 401 && !request.url.endsWith("/session")) signedOut.set(true);
    throw await errorOf(response);
  }
  return response;
}

/** The typed client of the API's document. */
export const client = createClient<paths>({
  baseUrl: BASE.replace(/\/$/, ""),
  headers,
  fetch: send,
  querySerializer: { array: { style: "form", explode: false } },
});

/** The data of an answer; errors were thrown before. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** A request whose answer the document describes only loosely (JSON of a guest, artifacts, texts). */
export async function raw(path: string, init: RequestInit = {}): Promise<Response> {
  return send(
    new Request(new URL(address(path), location.href), {
      ...init,
      headers: { ...headers, ...(init.body ? { "content-type": "application/json" } : {}), ...init.headers },
    }),
  );
}

/** A path's segment. */
export const seg = encodeURIComponent;

/** Query parameters without those that are undefined. */
export function query(params: Record<string, string | number | boolean | undefined>): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined) out.set(name, String(value));
  const text = out.toString();
  return text ? `?${text}` : "";
}

/** GET of JSON. */
export async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await raw(path, signal ? { signal } : {})).json()) as T;
}

/** POST of JSON; an empty answer is undefined. */
export async function post<T>(path: string, body: unknown, more: Record<string, string> = {}): Promise<T> {
  const response = await raw(path, { method: "POST", body: JSON.stringify(body), headers: more });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** The largest page of lists. */
const MAX_PAGE = 500;

/** GET of all pages of a list. */
export async function pages<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const join = path.includes("?") ? "&" : "?";
    const next = cursor ? `&cursor=${seg(cursor)}` : "";
    const page = await json<{ items: T[]; next?: string | null }>(`${path}${join}limit=${MAX_PAGE}${next}`, signal);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor);
  return items;
}

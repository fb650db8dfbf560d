/** What a person types of a destination, and the API's body of it. Pure. */
import type { Destination, DestinationKind, NewDestination, NotifyOn } from "../../api/types";
import { FieldError } from "../../lib/refusal";

export const KINDS: readonly { id: DestinationKind; label: string }[] = [
  { id: "slack", label: "Slack" },
  { id: "pagerduty", label: "PagerDuty" },
  { id: "email", label: "E-mail" },
  { id: "webhook", label: "Webhook" },
];

export const kindName = (kind: DestinationKind): string => KINDS.find((k) => k.id === kind)?.label ?? kind;

export const OCCASIONS: readonly { id: NotifyOn; label: string; about: string }[] = [
  { id: "failure", label: "failure", about: "a run failed" },
  { id: "recovery", label: "recovery", about: "a run succeeded after one that failed" },
  { id: "success", label: "success", about: "a run succeeded" },
  { id: "retry", label: "retry", about: "an attempt failed, and its task is tried again" },
  { id: "deadline", label: "missed deadline", about: "a run or a task of it did not end by its deadline" },
  { id: "approval", label: "approval", about: "a task asks people, and waits for the answer" },
];

/** PagerDuty has incidents alone: what triggers one and what resolves it. */
export const takes = (kind: DestinationKind, on: NotifyOn): boolean =>
  kind !== "pagerduty" || on === "failure" || on === "recovery" || on === "deadline";

export interface Draft {
  name: string;
  kind: DestinationKind;
  on: readonly NotifyOn[];
  dags: string;
  tags: string;
  url: string;
  secret: string;
  routing_key: string;
  host: string;
  port: string;
  tls: "implicit" | "starttls";
  username: string;
  password: string;
  from: string;
  to: string;
  /** In seconds. */
  wait: string;
  interval: string;
  title: string;
  text: string;
}

/** The fields that a refusal may name, as the API calls them. */
export const FIELDS: readonly string[] = [
  ..."name on dags tags url secret routing_key host port tls username password from to".split(" "),
  ..."fold_wait_ms fold_interval_ms title text".split(" "),
];

/** A new one, or what is known of one that is replaced: nothing of its address is, since that is secret. */
export function draftOf(old: Destination | undefined): Draft {
  return {
    name: old?.name ?? "",
    kind: old?.kind ?? "slack",
    on: old?.on ?? ["failure", "recovery"],
    dags: old?.dags.join(", ") ?? "",
    tags: old?.tags.join(", ") ?? "",
    url: "",
    secret: "",
    routing_key: "",
    host: "",
    port: "",
    tls: "implicit",
    username: "",
    password: "",
    from: "",
    to: "",
    wait: String((old?.fold_wait_ms ?? 10_000) / 1000),
    interval: String((old?.fold_interval_ms ?? 300_000) / 1000),
    title: old?.title ?? "",
    text: old?.text ?? "",
  };
}

/** Names between commas; a tag may have spaces. */
const names = (text: string): string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);

function milliseconds(field: string, seconds: string): number {
  if (!/^\d+(\.\d+)?$/.test(seconds.trim())) throw new FieldError(field, "This is a number of seconds, such as 10.");
  return Math.round(Number(seconds) * 1000);
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new FieldError("port", "A port is a number from 1 to 65535.");
  return port;
}

/** Only what the kind has: the API refuses the rest. Throws what can't be written as a body. */
export function bodyOf(draft: Draft): NewDestination {
  const { kind } = draft;
  const text = (...fields: (keyof Draft & keyof NewDestination)[]): Partial<NewDestination> =>
    Object.fromEntries(fields.filter((field) => draft[field] !== "").map((field) => [field, draft[field]]));
  return {
    kind,
    on: draft.on.filter((on) => takes(kind, on)),
    dags: names(draft.dags),
    tags: names(draft.tags),
    ...(kind === "slack" ? text("url") : {}),
    ...(kind === "webhook" ? text("url", "secret") : {}),
    ...(kind === "pagerduty" ? text("url", "routing_key") : {}),
    ...(kind === "email"
      ? {
          ...text("host", "username", "password", "from"),
          tls: draft.tls,
          to: names(draft.to),
          ...(draft.port.trim() ? { port: portOf(draft.port.trim()) } : {}),
        }
      : {}),
    fold_wait_ms: milliseconds("fold_wait_ms", draft.wait),
    fold_interval_ms: milliseconds("fold_interval_ms", draft.interval),
    ...text("title", "text"),
  };
}

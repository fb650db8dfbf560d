/** The query string as views use it: texts only, defaults left out, typing replaces the history's entry. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

const NAMES = [
  ..."since state tag paused sort view q runs until version open dag task index run kind with attempt level from to tz".split(
    " ",
  ),
  ..."cause error as wrap month zoom destination asset".split(" "),
] as const;

export type Search = Record<string, string | undefined>;

/** Keeps the parameters that some view knows. */
export function validate(raw: Record<string, unknown>): Search {
  const out: Search = {};
  for (const name of NAMES) {
    const value = raw[name];
    if (value !== undefined && value !== null && value !== "") out[name] = String(value);
  }
  return out;
}

export function parse(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringify(search: Record<string, unknown>): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") out.set(name, String(value));
  }
  const text = out.toString();
  return text ? `?${text}` : "";
}

/** One parameter and how to set it. The default is never written. */
export function useParam(name: string, initial = ""): [string, (value: string, push?: boolean) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = useCallback(
    (value: string, push = false) => {
      void navigate({
        to: ".",
        search: ((was: Search) => ({ ...was, [name]: value === initial ? undefined : value })) as never,
        hash: true,
        replace: !push,
      });
    },
    [navigate, name, initial],
  );
  return [search[name] ?? initial, set];
}

/** `console` writes to the task's log, each method at its level. */

import { type Level } from "../host.js";
import { format, inspect } from "./inspect.js";

export function makeConsole(write: (level: Level, message: string) => void, trace: (error: unknown) => string): object {
  const counts = new Map<string, number>();
  const timers = new Map<string, number>();
  let indent = "";
  const say = (level: Level, text: string): void => write(level, text.replaceAll(/^/gm, indent));
  const at =
    (level: Level) =>
    (...given: unknown[]): void =>
      // An exception is shown with the author's own lines.
      say(level, format(given.map((item) => (item instanceof Error ? trace(item) : item))));
  const took = (label: unknown): string => {
    const began = timers.get(String(label ?? "default"));
    return began === undefined ? `there is no timer ${String(label)}` : `${String(label ?? "default")}: ${Date.now() - began}ms`;
  };
  return {
    log: at("info"),
    info: at("info"),
    debug: at("debug"),
    warn: at("warn"),
    error: at("error"),
    trace: (...given: unknown[]): void => say("trace", `${format(given)}\n${trace(new Error("trace"))}`),
    dir: (value: unknown): void => say("info", inspect(value)),
    table: (value: unknown): void => say("info", inspect(value)),
    assert(holds: unknown, ...given: unknown[]): void {
      if (!holds) say("error", ["Assertion failed", ...(given.length > 0 ? [format(given)] : [])].join(": "));
    },
    count(label: unknown = "default"): void {
      const count = (counts.get(String(label)) ?? 0) + 1;
      counts.set(String(label), count);
      say("info", `${String(label)}: ${count}`);
    },
    countReset: (label: unknown = "default"): void => void counts.delete(String(label)),
    time: (label: unknown = "default"): void => void timers.set(String(label), Date.now()),
    timeLog: (label?: unknown, ...given: unknown[]): void => say("info", [took(label), ...(given.length > 0 ? [format(given)] : [])].join(" ")),
    timeEnd(label?: unknown): void {
      say("info", took(label));
      timers.delete(String(label ?? "default"));
    },
    group(...given: unknown[]): void {
      if (given.length > 0) say("info", format(given));
      indent += "  ";
    },
    groupCollapsed(...given: unknown[]): void {
      if (given.length > 0) say("info", format(given));
      indent += "  ";
    },
    groupEnd(): void {
      indent = indent.slice(2);
    },
  };
}

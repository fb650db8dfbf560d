/** Log lines for reading: levels, colours as parts, terminal tricks made harmless. Pure. */
import Anser from "anser";
import type { LogLine } from "../api/types";
import { visible } from "./text";

export type Level = "error" | "warn" | "info" | "debug";
export const LEVELS: readonly Level[] = ["error", "warn", "info", "debug"];

/** Longer texts are cut, in characters; the download has them whole. */
export const MAX_SHOWN = 4096;

const GUESS: [Level, RegExp][] = [
  ["error", /^\W{0,3}(error|fatal|panic(ked)?|exception|traceback|critical)\b/i],
  ["warn", /^\W{0,3}warn(ing)?\b/i],
  ["debug", /^\W{0,3}(debug|trace)\b/i],
];

/** The level of a line: what its source says, else how it begins. */
export function levelOf(line: Pick<LogLine, "source" | "message">): Level {
  switch (line.source) {
    case "error":
    case "warn":
    case "info":
      return line.source;
    case "debug":
    case "trace":
      return "debug";
    default: {
      const text = line.message.slice(0, 80);
      return GUESS.find(([, pattern]) => pattern.test(text))?.[0] ?? "info";
    }
  }
}

// Everything that terminals obey but for colours: titles, links, cursor movements.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const COMMANDS = /\u001b(?:\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\[[0-9;?]*[A-Za-ln-z]|[()][A-Z0-9]|[=>78cDEHMNOPZ])/g;

export interface Part {
  text: string;
  /** The state whose text colour it has. */
  colour?: string;
  bold?: boolean;
}

const COLOURS: Record<string, string> = {
  "ansi-red": "failed",
  "ansi-bright-red": "failed",
  "ansi-green": "success",
  "ansi-bright-green": "success",
  "ansi-yellow": "up_for_retry",
  "ansi-bright-yellow": "up_for_retry",
  "ansi-blue": "running",
  "ansi-bright-blue": "running",
  "ansi-magenta": "deferred",
  "ansi-bright-magenta": "deferred",
  "ansi-cyan": "queued",
  "ansi-bright-cyan": "queued",
};

/** A message as a terminal would leave it: after a carriage return the last text, without commands, cut. */
export function settle(message: string): string {
  const text = message.replace(COMMANDS, "").replace(/\r+$/, "");
  const last = text.slice(text.lastIndexOf("\r") + 1);
  return last.length > MAX_SHOWN ? `${last.slice(0, MAX_SHOWN)}…` : last;
}

/** The text alone, without colours: what is searched and copied. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
export const plain = (message: string): string => settle(message).replace(/\u001b\[[0-9;]*m/g, "");

/** A message as parts with colours; what is left of control characters is made visible. */
export function parts(message: string): Part[] {
  const text = settle(message);
  if (!text.includes("\u001b")) return [{ text: shown(text) }];
  return Anser.ansiToJson(text, { json: true, remove_empty: true, use_classes: true }).map((piece) => {
    const colour = COLOURS[piece.fg ?? ""];
    return {
      text: shown(piece.content),
      ...(colour ? { colour } : {}),
      ...(piece.decorations?.includes("bold") ? { bold: true } : {}),
    };
  });
}

const shown = (text: string): string => text.split("\t").map(visible).join("\t");

/** Splits parts at the hits of a search, so that hits can be marked. */
export function mark(list: readonly Part[], pattern: RegExp | undefined): (Part & { hit?: true })[] {
  if (!pattern) return [...list];
  const all = list.map((p) => p.text).join("");
  const spans: [number, number][] = [];
  for (const match of all.matchAll(pattern)) {
    if (match[0].length > 0) spans.push([match.index, match.index + match[0].length]);
    if (spans.length > 200) break;
  }
  if (spans.length === 0) return [...list];
  const out: (Part & { hit?: true })[] = [];
  let at = 0;
  for (const part of list) {
    const end = at + part.text.length;
    let from = at;
    for (const [a, b] of spans) {
      if (b <= from || a >= end) continue;
      const start = Math.max(a, from);
      const stop = Math.min(b, end);
      if (start > from) out.push({ ...part, text: part.text.slice(from - at, start - at) });
      out.push({ ...part, text: part.text.slice(start - at, stop - at), hit: true });
      from = stop;
    }
    if (from < end) out.push({ ...part, text: part.text.slice(from - at) });
    at = end;
  }
  return out;
}

/** A search as typed: plain text unless it is written between slashes; undefined while it is not valid. */
export function patternOf(q: string): RegExp | undefined {
  if (!q) return undefined;
  const regex = /^\/(.+)\/$/.exec(q);
  try {
    return new RegExp(regex?.[1] ?? q.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  } catch {
    return undefined;
  }
}

/** `#L1042-L1050` as line numbers from 0 on. */
export function linesOf(hash: string): { from: number; to: number } | undefined {
  const m = /^#?L(\d+)(?:-L?(\d+))?$/.exec(hash);
  if (!m) return undefined;
  const a = Number(m[1]) - 1;
  const b = m[2] ? Number(m[2]) - 1 : a;
  return { from: Math.max(0, Math.min(a, b)), to: Math.max(a, b) };
}

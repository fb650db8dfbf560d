/** Lines of the task's log with fields beside them; `console` writes there too. */

import { current, type Level } from "./host.js";

type Fields = Record<string, unknown>;

function write(level: Level, message: string, fields: Fields = {}): void {
  const pairs = Object.entries(fields).map(([name, value]): [string, string] => [
    name,
    typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)),
  ]);
  current().log(level, message, pairs);
}

export const log = {
  trace: (message: string, fields?: Fields): void => write("trace", message, fields),
  debug: (message: string, fields?: Fields): void => write("debug", message, fields),
  info: (message: string, fields?: Fields): void => write("info", message, fields),
  warn: (message: string, fields?: Fields): void => write("warn", message, fields),
  error: (message: string, fields?: Fields): void => write("error", message, fields),
};

/** Values as text for people, as Node's console shows them; bounded in depth and length. */

const DEEPEST = 4;
const MOST_ITEMS = 100;
const LINE = 76;

/** `%s`, `%d`, ... and what comes after. */
export function format(given: readonly unknown[]): string {
  const [first, ...rest] = given;
  if (typeof first !== "string") return given.map(text).join(" ");
  let next = 0;
  const filled = first.replace(/%[sdifjoOc%]/g, (mark) => {
    if (mark === "%%") return "%";
    if (next >= rest.length) return mark;
    const value = rest[next++];
    switch (mark) {
      case "%s":
        return typeof value === "string" ? value : inspect(value, 1);
      case "%d":
        return String(typeof value === "bigint" ? value : Number(value));
      case "%i":
        return String(Number.parseInt(String(value), 10));
      case "%f":
        return String(Number.parseFloat(String(value)));
      case "%j":
        return JSON.stringify(value) ?? "undefined";
      case "%c":
        return "";
      default:
        return inspect(value);
    }
  });
  return [filled, ...rest.slice(next).map(text)].join(" ");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : inspect(value);
}

export function inspect(value: unknown, depth = DEEPEST, outer: readonly unknown[] = []): string {
  switch (typeof value) {
    case "string":
      return outer.length === 0 ? value : JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "symbol":
      return value.toString();
    case "function":
      return `[${/^class\b/.test(String(value)) ? "class" : "Function"}${value.name ? `: ${value.name}` : " (anonymous)"}]`;
    case "object":
      return value === null ? "null" : inspectObject(value, depth, outer);
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

function inspectObject(value: object, depth: number, outer: readonly unknown[]): string {
  if (outer.includes(value)) return "[Circular]";
  if (value instanceof Error) return value.stack?.startsWith(value.name) ? value.stack : `${value.name}: ${value.message}`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  const name = value.constructor?.name;
  if (outer.length >= depth) return Array.isArray(value) ? "[Array]" : `[${name ?? "Object"}]`;
  const within = [...outer, value];
  const show = (item: unknown): string => inspect(item, depth, within);
  if (Array.isArray(value)) return listed("", "[", cut(value, show), "]");
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const numbers = Array.from(value as Uint8Array);
    return listed(`${name}(${numbers.length}) `, "[", cut(numbers, show), "]");
  }
  if (value instanceof Map) {
    return listed(`Map(${value.size}) `, "{", cut([...value], ([key, item]) => `${show(key)} => ${show(item)}`), "}");
  }
  if (value instanceof Set) return listed(`Set(${value.size}) `, "{", cut([...value], show), "}");
  const fields = cut(Object.entries(value), ([key, item]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)}: ${show(item)}`);
  return listed(name === undefined ? "[Object: null prototype] " : name === "Object" ? "" : `${name} `, "{", fields, "}");
}

function cut<T>(items: readonly T[], show: (item: T) => string): string[] {
  const shown = items.slice(0, MOST_ITEMS).map(show);
  return items.length > MOST_ITEMS ? [...shown, `... ${items.length - MOST_ITEMS} more`] : shown;
}

function listed(prefix: string, open: string, items: string[], close: string): string {
  if (items.length === 0) return `${prefix}${open}${close}`;
  const line = items.join(", ");
  if (line.length <= LINE && !line.includes("\n")) return `${prefix}${open} ${line} ${close}`;
  return `${prefix}${open}\n  ${items.join(",\n").replaceAll("\n", "\n  ")}\n${close}`;
}

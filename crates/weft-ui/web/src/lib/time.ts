/** Times for people: durations, points in time with their zone, distances to now. No library: Intl does it. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (n: number): string => String(n).padStart(2, "0");

/** `340 ms`, `12.4 s`, `4 m 07 s`, `2 h 05 m`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "";
  const sign = ms < 0 ? "−" : "";
  const t = Math.abs(ms);
  if (t < 999.5) return `${sign}${Math.round(t)} ms`;
  if (t < 59_950) return `${sign}${(t / SECOND).toFixed(1)} s`;
  if (t < HOUR - 500) {
    const s = Math.round(t / SECOND);
    return `${sign}${Math.floor(s / 60)} m ${two(s % 60)} s`;
  }
  if (t < DAY - 30 * SECOND) {
    const m = Math.round(t / MINUTE);
    return `${sign}${Math.floor(m / 60)} h ${two(m % 60)} m`;
  }
  const h = Math.round(t / HOUR);
  return `${sign}${Math.floor(h / 24)} d ${h % 24} h`;
}

/** A short distance: `12 s`, `4 m`, `2 h 31 m`, `4 days`. */
export function distance(ms: number): string {
  const t = Math.abs(ms);
  if (t < MINUTE) return `${Math.round(t / SECOND)} s`;
  if (t < HOUR) return `${Math.round(t / MINUTE)} m`;
  if (t < DAY) {
    const m = Math.round(t / MINUTE);
    return m % 60 === 0 ? `${m / 60} h` : `${Math.floor(m / 60)} h ${two(m % 60)} m`;
  }
  const days = Math.round(t / DAY);
  return days === 1 ? "1 day" : `${days} days`;
}

/** `4 m ago`, `in 2 h`, `now`. */
export function relative(at: number, now: number): string {
  const d = at - now;
  if (Math.abs(d) < SECOND) return "now";
  return d < 0 ? `${distance(d)} ago` : `in ${distance(d)}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let made = formats.get(zone);
  if (!made) {
    const options: Intl.DateTimeFormatOptions = {
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    };
    try {
      made = new Intl.DateTimeFormat("en-CA", { ...options, timeZone: zone });
    } catch {
      // A zone that this browser doesn't know.
      made = new Intl.DateTimeFormat("en-CA", { ...options, timeZone: "UTC" });
    }
    formats.set(zone, made);
  }
  return made;
}

export interface Parts {
  year: string;
  month: string;
  day: string;
  hour: string;
  minute: string;
  second: string;
}

/** The parts of a point in time in a zone, each with leading zeros. */
export function parts(at: number, zone: string): Parts {
  const out: Parts = { year: "", month: "", day: "", hour: "", minute: "", second: "" };
  for (const part of format(zone).formatToParts(at)) {
    if (part.type in out) out[part.type as keyof Parts] = part.value;
  }
  return out;
}

/** `2026-11-23`. */
export function date(at: number, zone: string): string {
  const p = parts(at, zone);
  return `${p.year}-${p.month}-${p.day}`;
}

/** `06:00` or `06:00:12`, with milliseconds `06:00:12.345`. */
export function clock(at: number, zone: string, precision: "m" | "s" | "ms" = "m"): string {
  const p = parts(at, zone);
  const minutes = `${p.hour}:${p.minute}`;
  if (precision === "m") return minutes;
  const seconds = `${minutes}:${p.second}`;
  return precision === "s" ? seconds : `${seconds}.${String(new Date(at).getUTCMilliseconds()).padStart(3, "0")}`;
}

/** `2026-11-23 06:00`, with seconds only where they are not zero or are asked for. */
export function dateTime(at: number, zone: string, seconds = false): string {
  const precise = seconds || at % MINUTE !== 0;
  return `${date(at, zone)} ${clock(at, zone, precise ? "s" : "m")}`;
}

/** Today only the clock, this year `Nov 23 06:00`, else the date. */
export function shortTime(at: number, now: number, zone: string): string {
  if (date(at, zone) === date(now, zone)) return clock(at, zone);
  const p = parts(at, zone);
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
    Number(p.month) - 1
  ];
  if (p.year === parts(now, zone).year) return `${month} ${Number(p.day)} ${p.hour}:${p.minute}`;
  return `${p.year}-${p.month}-${p.day}`;
}

/** The offset of a zone at a point in time, in ms east of UTC. */
export function offset(at: number, zone: string): number {
  const p = parts(at, zone);
  const wall = Date.UTC(
    Number(p.year),
    Number(p.month) - 1,
    Number(p.day),
    Number(p.hour),
    Number(p.minute),
    Number(p.second),
  );
  return wall - Math.floor(at / SECOND) * SECOND;
}

/** A wall clock time `2026-11-23 06:00[:12]` in a zone as a point in time; undefined if it is none. */
export function fromWall(text: string, zone: string): number | undefined {
  const m = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text.trim());
  if (!m) return undefined;
  const [y, mo, d, h, mi, s] = m.slice(1).map((x) => Number(x ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const wall = Date.UTC(y, mo - 1, d, h, mi, s);
  const back = new Date(wall);
  if (back.getUTCMonth() !== mo - 1 || back.getUTCDate() !== d || h > 23 || mi > 59 || s > 59) return undefined;
  // Twice, since the offset may differ on the other side of a change.
  let at = wall - offset(wall, zone);
  at = wall - offset(at, zone);
  return at;
}

/** Milliseconds of an RFC 3339 text; undefined if there is none. */
export function ms(text: string | null | undefined): number | undefined {
  if (!text) return undefined;
  const t = Date.parse(text);
  return Number.isNaN(t) ? undefined : t;
}

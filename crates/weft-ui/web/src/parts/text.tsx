/** Texts: names of guests in `<bdi>`, keys, times with their zone, commands to copy. */
import type { ReactNode } from "react";
import { useState } from "react";
import { useZone } from "../app/prefs";
import { useNow } from "../lib/clock";
import { copy } from "../lib/copy";
import { shorten, visible } from "../lib/text";
import { dateTime, duration, ms, relative, shortTime } from "../lib/time";
import { Icon } from "./icons";

/** A text that a guest or a person wrote: isolated, nothing in it invisible. */
export function UntrustedText({ children, max = 200 }: { children: string; max?: number }) {
  return <bdi>{visible(shorten(children, max))}</bdi>;
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className="kbd">{children}</kbd>;
}

interface TimeProps {
  at: string | null | undefined;
  /** The zone of the DAG, for people who chose to see it. */
  zone?: string | null | undefined;
  form?: "full" | "short" | "relative";
  /** Writes the zone's name behind it. */
  named?: boolean;
}

/** A point in time; the full form with the zone is in its title. */
export function Time({ at, zone: ofDag, form = "full", named = false }: TimeProps) {
  const zone = useZone(ofDag);
  const t = ms(at);
  if (t === undefined) return null;
  const full = `${dateTime(t, zone, true)} ${zone}`;
  return (
    <time dateTime={at ?? ""} title={full} className="nw">
      {form === "relative" ? <Relative at={t} /> : form === "short" ? <Short at={t} zone={zone} /> : dateTime(t, zone)}
      {named && ` ${zone}`}
    </time>
  );
}

function Relative({ at }: { at: number }) {
  return <>{relative(at, useNow())}</>;
}

function Short({ at, zone }: { at: number; zone: string }) {
  return <>{shortTime(at, useNow(), zone)}</>;
}

/** How long something took, or has taken until now. */
export function Took({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  const start = ms(from);
  const end = ms(to);
  if (start === undefined) return null;
  return end === undefined ? <Running from={start} /> : duration(Math.max(0, end - start));
}

function Running({ from }: { from: number }) {
  const now = useNow();
  const t = Math.max(0, now - from);
  return <>{t < 60_000 ? `${Math.floor(t / 1000)} s` : duration(t)}</>;
}

export function CopyButton({ text, label = "Copy", small = true }: { text: string; label?: string; small?: boolean }) {
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      className={small ? "btn sm" : "btn"}
      onClick={async () => {
        setDone(await copy(text));
        setTimeout(() => setDone(false), 1500);
      }}
    >
      <Icon name={done ? "check" : "copy"} size={small ? 12 : 14} />
      <span aria-live="polite">{done ? "Copied" : label}</span>
    </button>
  );
}

/** A command in a box with a button that copies it. */
export function CommandLine({ text }: { text: string }) {
  return (
    <div className="row g8">
      <code className="pre wrap sp">{text}</code>
      <CopyButton text={text} />
    </div>
  );
}

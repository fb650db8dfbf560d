/** A JSON value as a tree that folds: long lists show their first items, texts of guests are escaped. */
import { useState } from "react";
import { count, plural, visible } from "../lib/text";
import "./json-tree.css";

const FIRST = 100;
const OPEN_DEPTH = 2;
const MAX_TEXT = 2000;

export function JsonTree({ value }: { value: unknown }) {
  return (
    <div className="json mono">
      <Node value={value} depth={0} />
    </div>
  );
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === "string") {
    return <bdi className="str">"{visible(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value)}"</bdi>;
  }
  return <span className={value === null ? "mut" : "num"}>{String(value)}</span>;
}

function Node({ value, depth, name }: { value: unknown; depth: number; name?: string }) {
  const [open, setOpen] = useState(depth < OPEN_DEPTH);
  const [shown, setShown] = useState(FIRST);
  const label = name === undefined ? null : <bdi className="key">{visible(name)}: </bdi>;
  if (value === null || typeof value !== "object") {
    return (
      <div className="leaf">
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  const list = Array.isArray(value);
  const entries: [string, unknown][] = list ? value.map((v, i) => [String(i), v]) : Object.entries(value);
  const size = plural(entries.length, list ? "item" : "field");
  if (entries.length === 0) {
    return (
      <div className="leaf">
        {label}
        <span className="mut">{list ? "[]" : "{}"}</span>
      </div>
    );
  }
  return (
    <div>
      <button type="button" className="branch" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="tri" aria-hidden="true">
          {open ? "▾" : "▸"}
        </span>
        {label}
        <span className="mut">
          {list ? "[" : "{"} {size} {list ? "]" : "}"}
        </span>
      </button>
      {open && (
        <div className="kids">
          {entries.slice(0, shown).map(([key, item]) => (
            <Node key={key} name={key} value={item} depth={depth + 1} />
          ))}
          {entries.length > shown && (
            <button type="button" className="btn sm" onClick={() => setShown(shown + 10 * FIRST)}>
              {count(entries.length - shown)} more
            </button>
          )}
        </div>
      )}
    </div>
  );
}

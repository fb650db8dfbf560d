/** Small controls: segments, switches, search fields. */
import type { ReactNode } from "react";
import { useRef } from "react";
import { Icon, type IconName } from "./icons";

interface SegProps<T extends string> {
  label: string;
  value: T;
  options: readonly { id: T; label: ReactNode }[];
  onChange: (value: T) => void;
  small?: boolean;
}

/** One of a few, all visible: a group of radio buttons that look like one control. */
export function Segments<T extends string>({ label, value, options, onChange, small }: SegProps<T>) {
  const group = useRef<HTMLDivElement>(null);
  const at = options.findIndex((o) => o.id === value);
  // Where none is chosen yet, the first one has the keyboard.
  const reached = Math.max(0, at);
  const move = (by: number) => {
    const next = options[(at + by + options.length) % options.length];
    if (!next) return;
    onChange(next.id);
    group.current?.querySelectorAll("button")[options.indexOf(next)]?.focus();
  };
  return (
    <div
      ref={group}
      className={small ? "seg sm" : "seg"}
      role="radiogroup"
      aria-label={label}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        move(by);
      }}
    >
      {options.map((o, i) => (
        <button
          key={o.id}
          type="button"
          role="radio"
          aria-checked={o.id === value}
          tabIndex={i === reached ? 0 : -1}
          onClick={() => onChange(o.id)}
        >
          {o.label}
        </button>
      ))}
    </div>
  );
}

interface ToggleProps {
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
  disabled?: boolean;
}

export function Toggle({ label, on, onChange, disabled }: ToggleProps) {
  return (
    <button
      type="button"
      role="switch"
      className="toggle"
      aria-checked={on}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={(event) => {
        event.stopPropagation();
        onChange(!on);
      }}
    />
  );
}

interface FieldProps {
  value: string;
  onChange: (value: string) => void;
  label: string;
  icon?: IconName;
  width?: number | string;
  end?: ReactNode;
  id?: string;
  onKey?: (event: React.KeyboardEvent<HTMLInputElement>) => void;
}

/** A search field: `/` goes to the first of a page. */
export function SearchField({ value, onChange, label, icon = "search", width = 240, end, id, onKey }: FieldProps) {
  return (
    <div className="in soft" style={{ width, maxWidth: "100%" }}>
      <Icon name={icon} size={14} />
      <input
        type="search"
        data-search
        {...(id ? { id } : {})}
        aria-label={label}
        placeholder={label}
        value={value}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          onKey?.(event);
          if (event.key === "Escape" && !event.defaultPrevented) {
            if (value) onChange("");
            else event.currentTarget.blur();
          }
        }}
      />
      {end}
    </div>
  );
}

/** A select of the platform in our measures. */
export function Select<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { id: T; label: string }[];
  onChange: (value: T) => void;
}) {
  const { label, value, options, onChange } = props;
  return (
    <select className="select" aria-label={label} value={value} onChange={(event) => onChange(event.target.value as T)}>
      {options.map((o) => (
        <option key={o.id} value={o.id}>
          {o.label}
        </option>
      ))}
    </select>
  );
}

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** The button below a list that has further pages. */
export function NextPage({ query, small, children }: { query: Pages; small?: boolean; children: ReactNode }) {
  if (!query.hasNextPage) return null;
  return (
    <button
      type="button"
      className={small ? "btn sm" : "btn"}
      disabled={query.isFetchingNextPage}
      onClick={() => void query.fetchNextPage()}
    >
      {children}
    </button>
  );
}

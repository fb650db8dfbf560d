/** One line of a log: number, time, level, message in its colours. */
import { memo } from "react";
import type { LogLine } from "../../api/types";
import { type Level, mark, parts } from "../../lib/log";
import { visible } from "../../lib/text";
import { clock, ms } from "../../lib/time";

interface Props {
  line: LogLine;
  level: Level;
  number: number;
  zone: string;
  pattern: RegExp | undefined;
  current: boolean;
  selected: boolean;
  wrap: boolean;
  onNumber: (number: number, extend: boolean) => void;
}

export const Line = memo(function Line(props: Props) {
  const { line, level, number, zone, pattern, current, selected, wrap, onNumber } = props;
  const at = ms(line.at) ?? 0;
  return (
    <div className={`l ${level}${selected ? " sel" : ""}${wrap ? " wrap" : ""}`}>
      <button
        type="button"
        className="no"
        tabIndex={-1}
        onClick={(e) => onNumber(number, e.shiftKey)}
        aria-label={`Link to line ${number}`}
      >
        {number.toLocaleString("en")}
      </button>
      <span className="tm">{clock(at, zone, "ms")}</span>
      <span className="lv">{line.source === "weft" ? "weft" : level}</span>
      <span className="ms">
        <bdi>
          {mark(parts(line.message), pattern).map((p, i) => {
            const className = `${p.colour ? `st-${p.colour}` : ""}${p.bold ? " sb" : ""}`;
            return p.hit ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: a part's place is its identity
              <mark key={i} className={`${className}${current ? " on" : ""}`}>
                {p.text}
              </mark>
            ) : (
              // biome-ignore lint/suspicious/noArrayIndexKey: a part's place is its identity
              <span key={i} className={className}>
                {p.text}
              </span>
            );
          })}
        </bdi>
        {line.fields?.map((f) => (
          <span key={f.name} className="mut">
            {" "}
            <bdi>
              {visible(f.name)}={visible(f.value)}
            </bdi>
          </span>
        ))}
      </span>
    </div>
  );
});

/** A line that is being read. */
export const MissingLine = memo(function MissingLine({ number }: { number: number }) {
  return (
    <div className="l" aria-busy="true">
      <span className="no">{number.toLocaleString("en")}</span>
      <span className="tm" />
      <span className="lv" />
      <span className="ms mut">…</span>
    </div>
  );
});

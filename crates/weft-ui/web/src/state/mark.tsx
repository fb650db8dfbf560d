/** A state's mark as SVG, and the badge of mark and word. */
import type { ReactNode } from "react";
import { sentence } from "../lib/text";
import { COLOUR, HALO, type Options, STRIPE, STRIPE_OPACITY, type Stroke, shape, stripes } from "./glyphs";
import { type MarkState, NAME } from "./states";

function strokesOf(strokes: readonly Stroke[], colour: string, extra: number): ReactNode {
  return strokes.map(({ d, width }) =>
    width > 0 ? (
      <path
        key={d}
        d={d}
        fill="none"
        stroke={colour}
        strokeWidth={width + extra}
        strokeLinejoin={d.endsWith("Z") ? "round" : "miter"}
      />
    ) : (
      <path
        key={d}
        d={d}
        fill={colour}
        {...(extra ? { stroke: colour, strokeWidth: extra, strokeLinejoin: "round" as const } : {})}
      />
    ),
  );
}

/** A mark inside another SVG. */
export function MarkShape(props: Options & { state: MarkState; x: number; y: number; w: number; h: number }) {
  const { state, x, y, w, h, ...options } = props;
  const s = shape(state, x, y, w, h, options);
  const colour = `var(--${s.colour})`;
  const { box, line, glyph } = s;
  const showGlyph = glyph && !(options.quiet && state === "success");
  return (
    <>
      {line && <path d={`M${line.x1} ${line.y}H${line.x2}`} stroke={colour} strokeWidth={line.width} />}
      {s.body === "outline" ? (
        <rect
          x={box.x + 0.75}
          y={box.y + 0.75}
          width={box.w - 1.5}
          height={box.h - 1.5}
          rx={box.r - 0.5}
          fill="none"
          stroke={colour}
          strokeWidth={1.5}
        />
      ) : (
        <rect x={box.x} y={box.y} width={box.w} height={box.h} rx={box.r} fill={colour} />
      )}
      {s.body === "hatch" && (
        <path
          d={stripes(box.x, box.y, box.w, box.h)}
          stroke="var(--s2)"
          strokeOpacity={STRIPE_OPACITY}
          strokeWidth={STRIPE}
        />
      )}
      {showGlyph && (
        <g transform={`translate(${glyph.x} ${glyph.y}) scale(${glyph.scale})`}>
          {s.body === "hatch" && strokesOf(glyph.strokes, colour, HALO)}
          {strokesOf(glyph.strokes, s.body === "outline" ? colour : "var(--glyph)", 0)}
        </g>
      )}
    </>
  );
}

/** The corner clock of what is late: half outside, ringed by the surface. */
export function LateClock({ x, y }: { x: number; y: number }) {
  return (
    <g transform={`translate(${x - 1} ${y + 1})`}>
      <circle r="5.5" fill="var(--s2)" />
      <circle r="4.5" fill="var(--text)" />
      <path d="M0-2.6V.3H2.2" fill="none" stroke="var(--s2)" strokeWidth="1.2" />
    </g>
  );
}

interface MarkProps extends Options {
  state: MarkState;
  size?: number;
  late?: boolean;
  /** What screen readers say; without it the mark is decoration beside a word. */
  label?: string | true;
}

export function Mark({ state, size = 16, late = false, label, ...options }: MarkProps) {
  const text = label === true ? `${NAME[state]}${late ? ", late" : ""}` : label;
  const over = late ? 5 : 0;
  const spoken = text ? { role: "img", "aria-label": text } : { "aria-hidden": true };
  return (
    <svg
      width={size + over}
      height={size + over}
      viewBox={`0 ${-over} ${size + over} ${size + over}`}
      className={late ? "mark-late" : undefined}
      {...spoken}
    >
      <MarkShape state={state} x={0} y={0} w={size} h={size} {...options} />
      {late && <LateClock x={size} y={0} />}
    </svg>
  );
}

/** The class that colours a text like a state. */
export const stateText = (state: MarkState): string => (state === "none" ? "mut" : `st-${COLOUR[state]}`);

/** Mark and word. */
export function Badge({ state, late, children }: { state: MarkState; late?: boolean; children?: ReactNode }) {
  return (
    <span className={`badge ${stateText(state)}`}>
      <Mark state={state} {...(late ? { late } : {})} />
      <span>{children ?? `${sentence(NAME[state])}${late ? ", late" : ""}`}</span>
    </span>
  );
}

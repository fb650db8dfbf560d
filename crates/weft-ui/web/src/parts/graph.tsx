/** A DAG's graph as the server laid it out: boxes, edges, groups; pans and zooms; states are live. */
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Layout } from "../api/shapes";
import { shorten, visible } from "../lib/text";
import { COLOUR } from "../state/glyphs";
import { MarkShape } from "../state/mark";
import { type MarkState, NAME } from "../state/states";
import { Icon } from "./icons";
import { useSize } from "./width";
import "./graph.css";

const W = 184;
const H = 36;
/** Labels show from this zoom, edges from half of it. */
const LABELS = 0.2;
const EDGES = 0.1;
const MAX_ZOOM = 2;

/** Below this zoom a node is drawn as one box in its state's colour: a mark in it could not be seen. */
const MARKS = LABELS;

export interface NodeInfo {
  state: MarkState;
  /** At the right end of the box: how many, or how long. */
  note?: string;
}

/** A closed group is one node, with the count of its tasks. */
export const isGroup = (node: Layout["nodes"][number]): boolean => node.tasks !== null && node.tasks !== undefined;

interface Props {
  layout: Layout;
  info: (node: Layout["nodes"][number]) => NodeInfo;
  selected?: string;
  critical?: ReadonlySet<string>;
  onSelect: (task: string) => void;
  onGroup?: (group: string, open: boolean) => void;
}

interface View {
  x: number;
  y: number;
  zoom: number;
}

function fit(layout: Layout, width: number, height: number): View {
  const zoom = Math.min(1, (width - 32) / Math.max(1, layout.width), (height - 32) / Math.max(1, layout.height));
  // A graph that is much too large begins at its start, readable.
  const z = Math.max(zoom, Math.min(0.35, zoom * 4));
  return { zoom: z, x: Math.max(16, (width - layout.width * z) / 2), y: 16 };
}

interface Window {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/**
 * The part of the graph that is in the page: what is visible and half as much around it, in steps, so that it changes seldom
 * while the graph is moved.
 */
function windowOf(view: View, width: number, height: number): Window {
  const [w, h] = [width / view.zoom, height / view.zoom];
  const [stepX, stepY] = [Math.max(1, w / 2), Math.max(1, h / 2)];
  const left = Math.floor(-view.x / view.zoom / stepX) * stepX;
  const top = Math.floor(-view.y / view.zoom / stepY) * stepY;
  return { left: left - stepX, top: top - stepY, right: left + w + 2 * stepX, bottom: top + h + 2 * stepY };
}

const meets = (w: Window, left: number, top: number, right: number, bottom: number): boolean =>
  right >= w.left && left <= w.right && bottom >= w.top && top <= w.bottom;

export function Graph({ layout, info, selected, critical, onSelect, onGroup }: Props) {
  const [ref, size] = useSize<HTMLDivElement>();
  const [view, setView] = useState<View>();
  const shown = view ?? fit(layout, size.width, size.height);
  const drag = useRef<{ x: number; y: number; view: View; moved: boolean } | undefined>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another layout is another picture
  useEffect(() => setView(undefined), [layout]);

  const zoomAt = useCallback(
    (factor: number, cx: number, cy: number) =>
      setView((was) => {
        const v = was ?? fit(layout, size.width, size.height);
        const zoom = Math.min(MAX_ZOOM, Math.max(0.05, v.zoom * factor));
        const k = zoom / v.zoom;
        return { zoom, x: cx - (cx - v.x) * k, y: cy - (cy - v.y) * k };
      }),
    [layout, size],
  );

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    // Not passive: with Ctrl the wheel zooms the graph, not the page.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      if (event.ctrlKey || event.metaKey) {
        zoomAt(Math.exp(-event.deltaY / 200), event.clientX - box.left, event.clientY - box.top);
      } else {
        setView((was) => {
          const v = was ?? fit(layout, size.width, size.height);
          return { ...v, x: v.x - event.deltaX, y: v.y - event.deltaY };
        });
      }
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [ref, zoomAt, layout, size]);

  const edges = useMemo(() => layout.edges.map(edgeOf), [layout]);
  const { left, top, right, bottom } = windowOf(shown, size.width, size.height);
  const part = useMemo(() => {
    const at = { left, top, right, bottom };
    return {
      nodes: layout.nodes.filter((n) => meets(at, n.x, n.y, n.x + W, n.y + H)),
      edges: edges.filter((e) => meets(at, e.left, e.top, e.right, e.bottom)),
    };
  }, [layout, edges, left, top, right, bottom]);

  /** Brings a node that the keyboard reached into view. */
  const reveal = useCallback(
    (node: Layout["nodes"][number]) =>
      setView((was) => {
        const v = was ?? fit(layout, size.width, size.height);
        const x = Math.max(16 - node.x * v.zoom, Math.min(size.width - 16 - (node.x + W) * v.zoom, v.x));
        const y = Math.max(16 - node.y * v.zoom, Math.min(size.height - 16 - (node.y + H) * v.zoom, v.y));
        return x === v.x && y === v.y ? was : { ...v, x, y };
      }),
    [layout, size],
  );

  return (
    <div
      className="graph"
      ref={ref}
      onPointerDown={(event) => {
        if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, view: shown, moved: false };
      }}
      onPointerMove={(event) => {
        const d = drag.current;
        if (!d || event.buttons === 0) return;
        const dx = event.clientX - d.x;
        const dy = event.clientY - d.y;
        if (!d.moved && Math.hypot(dx, dy) < 4) return;
        d.moved = true;
        setView({ ...d.view, x: d.view.x + dx, y: d.view.y + dy });
      }}
    >
      {size.width > 0 && (
        <svg width={size.width} height={size.height} role="group" aria-label={`Graph of ${layout.nodes.length} tasks`}>
          <g transform={`translate(${shown.x} ${shown.y}) scale(${shown.zoom})`}>
            {layout.groups.map((g) => (
              <g key={g.id}>
                <rect x={g.x} y={g.y} width={g.width} height={g.height} rx="8" fill="var(--s2)" stroke="var(--line)" />
                {shown.zoom >= LABELS && (
                  <GroupLabel id={g.id} x={g.x} y={g.y} {...(onGroup ? { onClose: () => onGroup(g.id, false) } : {})} />
                )}
              </g>
            ))}
            {shown.zoom >= EDGES && <Edges layout={layout} edges={part.edges} critical={critical} />}
            {part.nodes.map((node) => {
              const at = info(node);
              return (
                <NodeBox
                  key={node.id}
                  id={node.id}
                  group={isGroup(node)}
                  x={node.x}
                  y={node.y}
                  state={at.state}
                  note={at.note ?? ""}
                  selected={node.id === selected}
                  critical={critical?.has(node.id) ?? false}
                  label={shown.zoom >= LABELS}
                  mark={shown.zoom >= MARKS}
                  focus={() => reveal(node)}
                  act={() => {
                    if (drag.current?.moved) return;
                    if (isGroup(node)) onGroup?.(node.id, true);
                    else onSelect(node.id === selected ? "" : node.id);
                  }}
                />
              );
            })}
          </g>
        </svg>
      )}
      <div className="zoom">
        <button type="button" aria-label="Larger" onClick={() => zoomAt(1.3, size.width / 2, size.height / 2)}>
          <Icon name="plus" />
        </button>
        <button type="button" aria-label="Smaller" onClick={() => zoomAt(1 / 1.3, size.width / 2, size.height / 2)}>
          <Icon name="minus" />
        </button>
        <button type="button" aria-label="Whole graph" onClick={() => setView(undefined)}>
          <Icon name="fit" />
        </button>
      </div>
    </div>
  );
}

interface Edge extends Window {
  key: string;
  d: string;
  from: number;
  to: number;
}

function edgeOf({ from, to, points }: Layout["edges"][number]): Edge {
  const xs = points.filter((_, i) => i % 2 === 0);
  const ys = points.filter((_, i) => i % 2 === 1);
  return {
    key: `${from}-${to}`,
    d: pathOf(points),
    from,
    to,
    left: Math.min(...xs),
    top: Math.min(...ys),
    right: Math.max(...xs),
    bottom: Math.max(...ys),
  };
}

interface EdgesProps {
  layout: Layout;
  edges: readonly Edge[];
  critical: ReadonlySet<string> | undefined;
}

/** All lines of a kind are one path: thousands of elements would be matched with styles for each frame. */
const Edges = memo(function Edges({ layout, edges, critical }: EdgesProps) {
  const isHot = (e: Edge) =>
    critical?.has(layout.nodes[e.from]?.id ?? "") && critical.has(layout.nodes[e.to]?.id ?? "");
  const lines = (of: readonly Edge[]) => of.map((e) => e.d).join("");
  const hot = edges.filter(isHot);
  return (
    <>
      <path d={lines(edges.filter((e) => !isHot(e)))} fill="none" stroke="var(--border)" />
      {hot.length > 0 && <path d={lines(hot)} fill="none" stroke="var(--text)" strokeWidth="2" />}
    </>
  );
});

/** Points as a smooth line: it leaves and arrives vertically; points straight below each other need no bend. */
function pathOf(points: readonly number[]): string {
  const all: [number, number][] = [];
  for (let i = 0; i + 1 < points.length; i += 2) all.push([points[i] ?? 0, points[i + 1] ?? 0]);
  const kept = all.filter(
    ([x], i) => i === 0 || i === all.length - 1 || (all[i - 1]?.[0] !== x && all[i + 1]?.[0] !== x),
  );
  const first = kept[0];
  if (!first) return "";
  let d = `M${first[0]} ${first[1]}`;
  kept.slice(1).forEach(([x, y], i) => {
    const [px, py] = kept[i] ?? [x, y];
    const middle = (py + y) / 2;
    d += px === x ? `V${y}` : `C${px} ${middle} ${x} ${middle} ${x} ${y}`;
  });
  return d;
}

function GroupLabel({ id, x, y, onClose }: { id: string; x: number; y: number; onClose?: () => void }) {
  const text = visible(shorten(id, 40));
  return (
    <g
      className={onClose ? "fold" : ""}
      onClick={onClose}
      role="button"
      aria-label={`Fold ${text}`}
      tabIndex={onClose ? 0 : -1}
      onKeyDown={(e) => e.key === "Enter" && onClose?.()}
    >
      {onClose && <path d={`M${x + 10} ${y + 10}l4 4 4-4`} fill="none" stroke="var(--muted)" strokeWidth="1.5" />}
      <text x={x + 24} y={y + 16} fontSize="12" fontWeight="500" fill="var(--text)">
        {text}
      </text>
    </g>
  );
}

interface NodeProps {
  id: string;
  group: boolean;
  x: number;
  y: number;
  state: MarkState;
  note: string;
  selected: boolean;
  critical: boolean;
  label: boolean;
  mark: boolean;
  focus: () => void;
  act: () => void;
}

const NodeBox = memo(
  function NodeBox({ id, group, x, y, state, note, selected, critical, label, mark, focus, act }: NodeProps) {
    const strong = selected || critical;
    const dot = id.lastIndexOf(".");
    const name = visible(shorten(dot > 0 && !group ? id.slice(dot + 1) : id, note ? 16 : 22));
    return (
      <g
        className="node"
        role="button"
        tabIndex={0}
        aria-label={`${visible(id)}, ${NAME[state]}${note ? `, ${note}` : ""}`}
        aria-pressed={selected}
        onClick={act}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && focus()}
        onKeyDown={(event) => {
          if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            act();
          }
        }}
      >
        {mark && <title>{visible(id)}</title>}
        {mark && group && (
          <rect x={x + 4.5} y={y + 4.5} width={W - 1} height={H - 1} rx="4" fill="var(--s2)" stroke="var(--line)" />
        )}
        <rect
          className="bx"
          x={x + 0.5}
          y={y + 0.5}
          width={W - 1}
          height={H - 1}
          rx="4"
          fill={mark || state === "none" || state === "success" ? "var(--s2)" : `var(--${COLOUR[state]})`}
          stroke={`var(--${strong ? "text" : "border"})`}
          strokeWidth={strong ? 2 : 1}
        />
        {mark && state !== "none" && <MarkShape state={state} x={x + 10} y={y + 10} w={16} h={16} />}
        {label && (
          <text
            x={x + (state === "none" ? 12 : 34)}
            y={y + 22.5}
            fontSize="13"
            fontWeight={selected ? 500 : 400}
            fill="var(--text)"
          >
            {name}
          </text>
        )}
        {label && note && (
          <text x={x + W - 10} y={y + 22.5} fontSize="12" textAnchor="end" fill="var(--muted)">
            {note}
          </text>
        )}
      </g>
    );
  },
  (a, b) =>
    a.state === b.state &&
    a.note === b.note &&
    a.selected === b.selected &&
    a.critical === b.critical &&
    a.label === b.label &&
    a.mark === b.mark &&
    a.x === b.x &&
    a.y === b.y &&
    a.id === b.id,
);

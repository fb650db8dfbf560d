/** A DAG's graph as the server laid it out: boxes, edges, groups; pans and zooms; states are live. */
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Layout } from "../api/shapes";
import { shorten, visible } from "../lib/text";
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

  const edges = useMemo(
    () => layout.edges.map((e) => ({ key: `${e.from}-${e.to}`, d: pathOf(e.points), from: e.from, to: e.to })),
    [layout],
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
            {shown.zoom >= EDGES &&
              edges.map((e) => {
                const hot = critical?.has(layout.nodes[e.from]?.id ?? "") && critical.has(layout.nodes[e.to]?.id ?? "");
                return (
                  <path
                    key={e.key}
                    d={e.d}
                    fill="none"
                    stroke={`var(--${hot ? "text" : "border"})`}
                    strokeWidth={hot ? 2 : 1}
                  />
                );
              })}
            {layout.nodes.map((node) => {
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
  act: () => void;
}

const NodeBox = memo(
  function NodeBox({ id, group, x, y, state, note, selected, critical, label, act }: NodeProps) {
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
        onKeyDown={(event) => {
          if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            act();
          }
        }}
      >
        <title>{visible(id)}</title>
        {group && (
          <rect x={x + 4.5} y={y + 4.5} width={W - 1} height={H - 1} rx="4" fill="var(--s2)" stroke="var(--line)" />
        )}
        <rect
          className="bx"
          x={x + 0.5}
          y={y + 0.5}
          width={W - 1}
          height={H - 1}
          rx="4"
          fill="var(--s2)"
          stroke={`var(--${strong ? "text" : "border"})`}
          strokeWidth={strong ? 2 : 1}
        />
        {state !== "none" && <MarkShape state={state} x={x + 10} y={y + 10} w={16} h={16} />}
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
    a.x === b.x &&
    a.y === b.y &&
    a.id === b.id,
);

/** The grid: a canvas of the visible part, labels as buttons, and over it an ARIA grid with one real cell. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { visible } from "../../lib/text";
import { duration } from "../../lib/time";
import { Icon } from "../../parts/icons";
import { useSize } from "../../parts/width";
import { useColours } from "../../state/colours";
import { Sprites } from "../../state/paint";
import { roundSpan } from "./axis";
import { BARS, BASE_Y, cellWords, draw, END, FOOT, HEAD } from "./draw";
import type { Cell, Model } from "./model";
import { CELL_H, CELL_W, Tiles } from "./tiles";

interface Props {
  model: Model;
  zone: string;
  selected: Cell | undefined;
  onSelect: (cell: Cell | undefined) => void;
  onOpen: (cell: Cell) => void;
  onRun: (col: number) => void;
  onToggle: (group: string) => void;
}

/** Labels are drawn anew each so many rows, and as many beyond the visible ones. */
const STEP = 12;

export function GridCanvas({ model, zone, selected, onSelect, onOpen, onRun, onToggle }: Props) {
  const [scroller, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const scroll = useRef({ left: 0, top: 0 });
  /** The first visible row, in steps: scrolling moves the canvas without rendering anything. */
  const [near, setNear] = useState(0);
  const [hover, setHover] = useState<Cell>();
  const [tip, setTip] = useState<{ x: number; y: number; text: string }>();
  const colours = useColours();
  const ratio = window.devicePixelRatio || 1;
  const sprites = useMemo(() => new Sprites(colours, ratio), [colours, ratio]);
  const tiles = useMemo(() => new Tiles(colours, sprites, ratio), [colours, sprites, ratio]);
  const labels = size.width > 0 && size.width <= 640 ? 144 : 224;
  const width = Math.max(0, Math.min(size.width - labels, model.runs.length * CELL_W + END));
  const height = Math.max(0, Math.min(size.height, HEAD + model.rows.length * CELL_H + FOOT));
  const atEnd = useRef(false);

  const painter = useRef<() => void>(undefined);
  const frame = useRef(0);
  const repaint = useCallback(() => {
    if (frame.current) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      painter.current?.();
    });
  }, []);
  useEffect(
    () => () => {
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    },
    [],
  );
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || width === 0 || height === 0) return;
    painter.current = () => {
      const { left, top } = scroll.current;
      if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
        element.width = Math.round(width * ratio);
        element.height = Math.round(height * ratio);
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      draw(
        context,
        model,
        { width, height, scrollLeft: left, scrollTop: top, zone, hover, selected },
        colours,
        sprites,
        tiles,
      );
    };
    repaint();
  }, [model, width, height, zone, hover, selected, colours, sprites, tiles, ratio, repaint]);

  // The newest runs stand at the right: what does not fit begins there.
  useEffect(() => {
    const element = scroller.current;
    if (!element || atEnd.current || size.width === 0 || model.runs.length === 0) return;
    atEnd.current = true;
    element.scrollLeft = element.scrollWidth;
  }, [scroller, size.width, model.runs.length]);

  const show = useCallback(
    (cell: Cell) => {
      const element = scroller.current;
      if (!element) return;
      const x = cell.col * CELL_W;
      const y = cell.row * CELL_H;
      const inner = element.clientWidth - labels;
      if (x < element.scrollLeft) element.scrollLeft = x;
      else if (x + CELL_W > element.scrollLeft + inner) element.scrollLeft = x + CELL_W - inner + 8;
      const tall = element.clientHeight - HEAD;
      if (y < element.scrollTop) element.scrollTop = y;
      else if (y + CELL_H > element.scrollTop + tall) element.scrollTop = y + CELL_H - tall + 8;
    },
    [scroller, labels],
  );
  useEffect(() => {
    if (selected) show(selected);
  }, [selected, show]);

  /** Hit testing is division. */
  const hit = (event: React.MouseEvent): { cell?: Cell; run?: number } => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box) return {};
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    const col = Math.floor((x + scroll.current.left) / CELL_W);
    if (x < 0 || col < 0 || col >= model.runs.length) return {};
    if (y < HEAD) return { run: col };
    const row = Math.floor((y - HEAD + scroll.current.top) / CELL_H);
    return row >= 0 && row < model.rows.length ? { cell: { row, col } } : {};
  };

  const move = (event: React.KeyboardEvent) => {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const last = { row: 0, col: model.runs.length - 1 };
    if (by) {
      event.preventDefault();
      event.stopPropagation();
      if (!selected) return onSelect(last);
      return onSelect({
        row: Math.min(model.rows.length - 1, Math.max(0, selected.row + (by[0] ?? 0))),
        col: Math.min(model.runs.length - 1, Math.max(0, selected.col + (by[1] ?? 0))),
      });
    }
    if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      return onSelect({ row: selected?.row ?? 0, col: event.key === "Home" ? 0 : last.col });
    }
    if (event.key === "Enter" && selected) {
      event.preventDefault();
      const row = model.rows[selected.row];
      if (row?.kind === "group") onToggle(row.id);
      else onOpen(selected);
    }
    if (event.key === "Escape") onSelect(undefined);
  };

  const firstRow = Math.max(0, near - STEP);
  const lastRow = Math.min(model.rows.length, near + Math.ceil(size.height / CELL_H) + 2 * STEP);
  const at = selected ?? { row: 0, col: Math.max(0, model.runs.length - 1) };
  const focused = `gc-${at.row}-${at.col}`;
  const top = roundSpan(model.longestMs);

  return (
    <div
      className="g-scroll"
      ref={scroller}
      onScroll={(event) => {
        const { scrollLeft: left, scrollTop: top } = event.currentTarget;
        scroll.current = { left, top };
        setNear(Math.floor(top / (STEP * CELL_H)) * STEP);
        repaint();
      }}
    >
      <div className="g-space" ref={space}>
        <div className="g-labels" style={{ height: HEAD + model.rows.length * CELL_H + FOOT }}>
          <div className="g-corner">
            <span style={{ left: 24, top: 3 }}>Duration</span>
            {[0, 0.5, 1].map((share) => (
              <span key={share} style={{ right: 8, top: BASE_Y - share * BARS - 10 }}>
                {share === 0
                  ? "0"
                  : duration(top * share)
                      .replace(/ 00? [ms]$/, "")
                      .replace(".0", "")}
              </span>
            ))}
            <span style={{ left: 24, top: 100 }}>Task</span>
          </div>
          {model.rows.slice(firstRow, lastRow).map((row, i) => {
            const r = firstRow + i;
            return (
              <button
                key={row.kind + row.id}
                type="button"
                tabIndex={row.kind === "group" ? 0 : -1}
                className={`g-label${selected?.row === r ? " on" : ""}${row.depth === 0 ? " top" : ""}`}
                style={{ top: HEAD + r * CELL_H, ...(row.depth ? { paddingLeft: 24 + row.depth * 16 } : {}) }}
                title={visible(row.id)}
                {...(row.kind === "group" ? { "aria-expanded": row.open } : {})}
                onClick={() =>
                  row.kind === "group"
                    ? onToggle(row.id)
                    : onSelect({ row: r, col: selected?.col ?? model.runs.length - 1 })
                }
              >
                <span className="tw">
                  {row.kind === "group" && <Icon name={row.open ? "down" : "right"} size={12} />}
                </span>
                <bdi className={row.kind === "group" ? "el m" : "el"}>{visible(row.name)}</bdi>
                <span className="sp" />
                <span className="mut nw">{row.note}</span>
              </button>
            );
          })}
        </div>
        <div className="g-cells" style={{ width: model.runs.length * CELL_W + END }}>
          <canvas ref={canvas} style={{ width, height }} aria-hidden="true" />
          <div
            className="g-over"
            role="grid"
            aria-label="States by task and run"
            aria-rowcount={model.rows.length}
            aria-colcount={model.runs.length}
            aria-activedescendant={focused}
            tabIndex={0}
            onKeyDown={move}
            onPointerLeave={() => {
              setHover(undefined);
              setTip(undefined);
            }}
            onPointerMove={(event) => {
              if (event.pointerType === "touch") return;
              const { cell } = hit(event);
              if (cell?.row !== hover?.row || cell?.col !== hover?.col) {
                setHover(cell);
                setTip(cell && { x: event.clientX, y: event.clientY, text: cellWords(model, cell, zone) });
              }
            }}
            onClick={(event) => {
              const { cell, run } = hit(event);
              if (run !== undefined) onRun(run);
              else if (cell) onSelect(cell);
            }}
            onDoubleClick={(event) => {
              const { cell } = hit(event);
              if (cell && model.rows[cell.row]?.kind === "task") onOpen(cell);
            }}
          >
            {model.runs.length > 0 && model.rows.length > 0 && (
              <div role="row" aria-rowindex={at.row + 1}>
                <div
                  key={focused}
                  id={focused}
                  role="gridcell"
                  aria-colindex={at.col + 1}
                  aria-selected={Boolean(selected)}
                  className="vh"
                >
                  {cellWords(model, at, zone)}
                </div>
              </div>
            )}
          </div>
        </div>
      </div>
      {tip && (
        <div className="g-tip" style={{ left: Math.min(tip.x + 14, window.innerWidth - 330), top: tip.y + 14 }}>
          {visible(tip.text)}
        </div>
      )}
    </div>
  );
}

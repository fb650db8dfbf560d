/** Rows by line, not by pixel: a million lines and wrapped ones scroll alike, since rows start at an anchor line. */
import {
  type ReactNode,
  type RefObject,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { useSize } from "../../parts/width";

export const LINE = 20;
/** Firefox ends at 17.9 million pixels. */
const MAX_PX = 8_000_000;
/** Rows drawn beyond the visible ones. */
const SPARE = 4;

export interface ScrollApi {
  /** Brings a line to a third of the height. */
  toLine: (line: number) => void;
  toEnd: () => void;
}

interface Props {
  count: number;
  /** Stays at the end while lines come. */
  follow: boolean;
  onFollow: (follow: boolean) => void;
  row: (index: number) => ReactNode;
  api: RefObject<ScrollApi | null>;
  label: string;
}

export function LogScroll({ count, follow, onFollow, row, api, label }: Props) {
  const [ref, size] = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  /** A scroll of its own: the first row that it means, which the bar's pixels may be too coarse for. */
  const own = useRef<{ top: number; position: number }>(undefined);
  const full = count * LINE + LINE;
  const height = Math.min(full, MAX_PX);
  const range = Math.max(0, height - size.height);
  const visible = Math.max(1, Math.floor(size.height / LINE));
  const lastAnchor = Math.max(0, count + 1 - visible);
  const scaled = full > MAX_PX;
  const exact = own.current && Math.abs(own.current.top - top) <= 1 ? own.current.position : undefined;
  const position = range === 0 ? 0 : scaled ? (exact ?? (top / range) * lastAnchor) : top / LINE;
  const atEnd = range > 0 && top >= range - 1;
  const anchor = Math.max(0, Math.min(count - 1, Math.floor(position)));
  const offset = (position - anchor) * LINE;

  const moveTo = (line: number) => {
    const wanted = Math.max(0, Math.min(line, lastAnchor));
    const to = scaled ? (wanted / Math.max(1, lastAnchor)) * range : wanted * LINE;
    const element = ref.current;
    if (!element) return;
    element.scrollTop = to;
    own.current = { top: element.scrollTop, position: wanted };
    setTop(element.scrollTop);
  };
  useImperativeHandle(api, () => ({
    toLine: (line) => {
      onFollow(false);
      moveTo(line - Math.floor(visible / 3));
    },
    toEnd: () => {
      onFollow(true);
      if (ref.current) ref.current.scrollTop = ref.current.scrollHeight;
    },
  }));

  const following = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line moves the end
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element || !follow) return;
    following.current = true;
    element.scrollTop = element.scrollHeight;
    setTop(element.scrollTop);
  }, [count, follow, size.height]);

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const onScroll = () => {
      setTop(element.scrollTop);
      const end = element.scrollTop >= element.scrollHeight - element.clientHeight - 2;
      if (following.current) {
        following.current = false;
        return;
      }
      onFollow(end);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, [ref, onFollow]);

  // A wheel and the keys move by lines, however many lines a pixel of the bar stands for.
  const moving = useRef<(lines: number) => void>(() => undefined);
  moving.current = (lines) => {
    const to = (atEnd ? lastAnchor : position) + lines;
    onFollow(to >= lastAnchor);
    moveTo(to);
  };
  useEffect(() => {
    const element = ref.current;
    if (!element || !scaled) return;
    const onWheel = (event: WheelEvent) => {
      if (event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      moving.current(event.deltaMode === 1 ? event.deltaY : event.deltaY / LINE);
    };
    const onKey = (event: KeyboardEvent) => {
      const lines: Record<string, number> = { ArrowDown: 2, ArrowUp: -2, PageDown: visible - 1, PageUp: 1 - visible };
      const by = lines[event.key];
      if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      moving.current(by);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    element.addEventListener("keydown", onKey);
    return () => {
      element.removeEventListener("wheel", onWheel);
      element.removeEventListener("keydown", onKey);
    };
  }, [ref, scaled, visible]);

  const from = atEnd ? Math.max(0, count - visible - SPARE) : anchor;
  const to = Math.min(count, from + visible + 2 * SPARE);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable
    <div className="log-scroll" ref={ref} role="log" aria-label={label} aria-live="off" tabIndex={0}>
      <div style={{ height }}>
        <div className="log-view" style={{ height: size.height }}>
          <div
            className={atEnd ? "log-rows end" : "log-rows"}
            style={atEnd ? {} : { transform: `translateY(${-offset}px)` }}
          >
            {Array.from({ length: Math.max(0, to - from) }, (_, i) => row(from + i))}
          </div>
        </div>
      </div>
    </div>
  );
}

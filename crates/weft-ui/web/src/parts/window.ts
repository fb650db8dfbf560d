/** Of a long table only the rows near the visible ones are in the page. */
import { type RefObject, useCallback, useLayoutEffect, useRef, useState } from "react";

/** Rows beyond the visible ones, and how far one scrolls until others are drawn. */
const SPARE = 8;
const STEP = 8;
/** Drawn before the height is known. */
const FIRST = 40;
/** Shorter tables are drawn whole. */
const MIN_ROWS = 60;
/** A row of `.tbl` before one was measured. */
const ROW_PX = 36;

export interface Rows {
  ref: RefObject<HTMLTableSectionElement | null>;
  from: number;
  to: number;
  /** Pixels in place of the rows that are left out, before and after. */
  before: number;
  after: number;
}

/** Which of so many rows of equal height are drawn, in a table within an element of the class `body` that scrolls. */
export function useWindow(count: number): Rows {
  const ref = useRef<HTMLTableSectionElement>(null);
  const height = useRef(ROW_PX);
  const [shown, setShown] = useState({ from: 0, to: FIRST });
  const look = useCallback(() => {
    const body = ref.current;
    const scroller = body?.closest(".body");
    if (!body || !scroller) return;
    height.current = body.querySelector("tr:not([aria-hidden])")?.getBoundingClientRect().height || ROW_PX;
    const top = scroller.getBoundingClientRect().top - body.getBoundingClientRect().top;
    const first = Math.floor(top / height.current / STEP) * STEP - SPARE;
    const last = first + Math.ceil(scroller.clientHeight / height.current) + 2 * SPARE + STEP;
    setShown((was) => (was.from === first && was.to === last ? was : { from: first, to: last }));
  }, []);
  useLayoutEffect(() => {
    const scroller = ref.current?.closest(".body");
    if (!scroller || count < MIN_ROWS) return;
    look();
    scroller.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      scroller.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [look, count]);
  if (count < MIN_ROWS) return { ref, from: 0, to: count, before: 0, after: 0 };
  const to = Math.max(0, Math.min(count, shown.to));
  const from = Math.max(0, Math.min(to, shown.from));
  return { ref, from, to, before: from * height.current, after: (count - to) * height.current };
}

/** A table's body of which only the rows near the visible ones are in the page. */
import type { ReactNode } from "react";
import { useWindow } from "./window";

export function WindowRows({ count, row }: { count: number; row: (index: number) => ReactNode }) {
  const { ref, from, to, before, after } = useWindow(count);
  return (
    <tbody ref={ref}>
      {before > 0 && <tr aria-hidden="true" style={{ height: before }} />}
      {Array.from({ length: to - from }, (_, i) => row(from + i))}
      {after > 0 && <tr aria-hidden="true" style={{ height: after }} />}
    </tbody>
  );
}

/** Rows by `j` and `k`: the focus moves over what `useRows` marks; Enter is the row's own link. */
import { useCallback, useId } from "react";
import { useKeys } from "../app/keys";

/** Returns the attributes of the row at a place. Rows are focusable by themselves (links) or made so. */
export function useRows(count: number): (index: number) => { "data-row": string } {
  const id = useId();
  const move = (by: number) => {
    const rows = [...document.querySelectorAll<HTMLElement>(`[data-row^="${CSS.escape(id)}"]`)];
    if (rows.length === 0) return;
    const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    const target = next?.matches("a,button") ? next : (next?.querySelector<HTMLElement>("a,button") ?? next);
    target?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  };
  useKeys(count > 0 ? { j: () => move(1), k: () => move(-1) } : {});
  return useCallback((index) => ({ "data-row": `${id}${index}` }), [id]);
}

/** What of a tree is folded, in the address: everything is open at first. */
import { useMemo } from "react";
import { useParam } from "../../app/search";

export function useClosed(): [ReadonlySet<string>, (id: string) => void] {
  const [open, setOpen] = useParam("open");
  const closed = useMemo(() => new Set(open.split(",").filter(Boolean)), [open]);
  const toggle = (id: string) => {
    const next = new Set(closed);
    if (!next.delete(id)) next.add(id);
    setOpen([...next].sort().join(","));
  };
  return [closed, toggle];
}

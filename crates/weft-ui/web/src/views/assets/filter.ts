/** Which assets a list shows: every word occurs in the name, a task that updates it, or a DAG whose runs it creates. Pure. */
import type { Asset } from "../../api/types";

export function filtered(list: readonly Asset[], text: string): readonly Asset[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return list;
  return list.filter(({ asset, producers, consumers }) => {
    const all = [asset, ...producers.map(({ dag, task }) => `${dag}/${task}`), ...consumers].join("\n").toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

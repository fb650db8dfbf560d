/** Tasks as a tree: the id `a.b.c` stands in the group `a.b`, so groups nest. Pure. */
import { type Counts, NO_COUNTS } from "../state/states";

export interface TreeRow {
  kind: "group" | "task";
  /** The group's path or the task's id. */
  id: string;
  /** The last part of the id: what a row shows. */
  name: string;
  depth: number;
  open: boolean;
  /** Indexes of the tasks below; of a task its own. */
  tasks: number[];
}

export const groupOf = (task: string): string => task.slice(0, Math.max(0, task.lastIndexOf(".")));

/** All groups that the tasks are in. */
export function groupsOf(tasks: readonly string[]): string[] {
  const out = new Set<string>();
  for (const task of tasks) for (let g = groupOf(task); g; g = groupOf(g)) out.add(g);
  return [...out];
}

/** Rows in the tasks' order: a group stands where its first task does, its tasks together below it. */
export function treeRows(tasks: readonly string[], closed: ReadonlySet<string>): TreeRow[] {
  interface Node {
    row: TreeRow;
    children: Node[];
  }
  const top: Node = { row: { kind: "group", id: "", name: "", depth: -1, open: true, tasks: [] }, children: [] };
  const groups = new Map<string, Node>([["", top]]);
  const groupNode = (id: string): Node => {
    const known = groups.get(id);
    if (known) return known;
    const parent = groupNode(groupOf(id));
    const name = id.slice(id.lastIndexOf(".") + 1);
    const node: Node = {
      row: { kind: "group", id, name, depth: parent.row.depth + 1, open: !closed.has(id), tasks: [] },
      children: [],
    };
    parent.children.push(node);
    groups.set(id, node);
    return node;
  };
  tasks.forEach((id, index) => {
    const parent = groupNode(groupOf(id));
    const name = id.slice(id.lastIndexOf(".") + 1);
    parent.children.push({
      row: { kind: "task", id, name, depth: parent.row.depth + 1, open: false, tasks: [index] },
      children: [],
    });
    for (let g = groupOf(id); g; g = groupOf(g)) groups.get(g)?.row.tasks.push(index);
  });
  const out: TreeRow[] = [];
  const walk = (node: Node): void => {
    for (const child of node.children) {
      out.push(child.row);
      if (child.row.open) walk(child);
    }
  };
  walk(top);
  return out;
}

export function addCounts(all: readonly Counts[]): Counts {
  const out: Counts = { ...NO_COUNTS };
  for (const counts of all) {
    for (const state of Object.keys(out) as (keyof Counts)[]) out[state] += counts[state];
  }
  return out;
}

/** The lists that tasks are mapped over, taken apart. */

import { elements, pick } from "../each.js";
import { type Binding, unlikeLists } from "../node.js";

/** Values by name. */
export type Inputs = Record<string, unknown>;

/** What each instance gets of the lists, by their names; or why there are no instances. */
export function takenApart(expand: Readonly<Record<string, Binding>>, zip: boolean, value: (binding: Binding) => unknown): Inputs[] | string {
  const lists: Record<string, Inputs[]> = {};
  for (const [name, binding] of Object.entries(expand)) {
    const list = value(binding);
    if (!Array.isArray(list)) return `${name} is no list`;
    lists[name] = inputsOf(name, list, binding);
  }
  const unlike = zip ? unlikeLists(lists) : undefined;
  if (unlike) return `the task can't be mapped: ${unlike}`;
  return zip ? zipped(Object.values(lists)) : combined(Object.values(lists));
}

/** What instances are given of a list that a task is mapped over: nothing of an element that has no such part. */
function inputsOf(name: string, list: unknown[], binding: Binding): Inputs[] {
  const { each = "", filter } = typeof binding === "string" ? {} : binding;
  return elements(list, { filter }).map((element) => {
    const part = pick(element, each);
    return part ? { [name]: part.value } : {};
  });
}

/** Each combination of the lists' elements; the last list varies fastest. */
function combined(lists: readonly Inputs[][]): Inputs[] {
  let combinations: Inputs[] = [{}];
  for (const list of lists) {
    combinations = combinations.flatMap((before) => list.map((item) => ({ ...before, ...item })));
  }
  return combinations;
}

/** The elements at the same position of all lists. */
function zipped(lists: readonly Inputs[][]): Inputs[] {
  return lists[0]!.map((_, at) => Object.assign({}, ...lists.map((list) => list[at])) as Inputs);
}

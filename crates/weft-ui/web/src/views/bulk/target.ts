/** Which runs an action on many is for: all that a filter selects, or those that were chosen. Pure. */
import type { RunFilter } from "../../api/queries";
import type { Run, RunsFilter } from "../../api/types";
import { plural, shell } from "../../lib/text";

export type Target = { filter: RunFilter } | { runs: readonly Run[] };

/** The filter of a list as the API's. */
export function bodyOf(filter: RunFilter): RunsFilter {
  return {
    ...(filter.dag ? { dag: filter.dag } : {}),
    ...(filter.tag ? { tag: filter.tag } : {}),
    ...(filter.state ? { state: filter.state as NonNullable<RunsFilter["state"]> } : {}),
    ...(filter.kind ? { kind: filter.kind as NonNullable<RunsFilter["kind"]> } : {}),
    ...(filter.from ? { created_from: filter.from } : {}),
    ...(filter.before ? { created_before: filter.before } : {}),
  };
}

/** Whether it selects anything: an action on all runs is refused. */
export const isFilter = (filter: RunFilter): boolean => Object.keys(bodyOf(filter)).length > 0;

/** The same as options of `wfctl runs`. */
export function optionsOf(filter: RunFilter): string {
  return (
    [
      ["--dag", filter.dag],
      ["--tag", filter.tag],
      ["--state", filter.state],
      ["--kind", filter.kind],
      ["--since", filter.from],
      ["--until", filter.before],
    ] as const
  )
    .map(([option, value]) => (value ? ` ${option} ${shell(value)}` : ""))
    .join("");
}

/** More runs than this are not named in a command. */
const MAX_NAMED = 20;

/** The same with `wfctl`; `verb` and `options` are those of the command of one run. */
export function commandOf(target: Target, verb: string, options: string): string {
  if ("filter" in target) return `wfctl runs ${verb}${optionsOf(target.filter)}${options} --yes`;
  const [one] = target.runs;
  if (target.runs.length === 1 && one) return `wfctl runs ${verb} ${one.id}${options}`;
  const named = target.runs.slice(0, MAX_NAMED).map((run) => run.id);
  const rest = target.runs.length - named.length;
  return `for run in ${named.join(" ")}${rest > 0 ? " …" : ""}; do\n  wfctl runs ${verb} "$run"${options}\ndone`;
}

/** `3 chosen runs`, or what the filter says. */
export function inWords(target: Target, time: (at: string) => string): string {
  if ("runs" in target) return plural(target.runs.length, "chosen run");
  const { dag, tag, state, kind, from, before } = target.filter;
  return [
    dag ? `of ${dag}` : "of every DAG",
    state && `that are ${state === "queued" ? "pending" : state}`,
    kind && (kind === "assets" ? "created by assets" : `of kind ${kind}`),
    tag && `with tag ${tag}`,
    from && `created since ${time(from)}`,
    before && `created before ${time(before)}`,
  ]
    .filter(Boolean)
    .join(", ");
}

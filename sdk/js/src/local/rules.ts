/** Trigger rules over upstreams that have all ended: Airflow's, as `weft-core` has them. */

import type { State } from "../testing.js";

/** What becomes of a task, by how the instances of its upstreams ended. */
export function verdict(rule: string, states: readonly State[]): "run" | "skipped" | "upstream_failed" {
  const count = (...wanted: State[]): number => states.filter((state) => wanted.includes(state)).length;
  const [success, skipped, failed, total] = [count("success"), count("skipped"), count("failed", "upstream_failed"), states.length];
  switch (rule) {
    case "always":
    case "all_done":
      return "run";
    case "all_success":
      return failed ? "upstream_failed" : skipped ? "skipped" : "run";
    case "all_failed":
      return failed === total ? "run" : "skipped";
    case "all_done_min_one_success":
      return success || !total ? "run" : skipped === total ? "skipped" : "upstream_failed";
    case "all_skipped":
      return skipped === total ? "run" : "skipped";
    case "one_failed":
      return failed ? "run" : "skipped";
    case "one_success":
      return success ? "run" : failed ? "upstream_failed" : "skipped";
    case "one_done":
      return success + failed ? "run" : "skipped";
    case "none_failed":
      return failed ? "upstream_failed" : "run";
    case "none_failed_min_one_success":
      return failed ? "upstream_failed" : success || !total ? "run" : "skipped";
    case "none_skipped":
      return skipped ? "skipped" : "run";
    default:
      throw new TypeError(`there is no trigger rule ${JSON.stringify(rule)}`);
  }
}

/** The same of a teardown, by how the instances of its setups ended. */
export function teardownVerdict(setups: readonly State[]): "run" | "skipped" | "upstream_failed" {
  if (setups.length === 0 || setups.includes("success")) return "run";
  return setups.every((state) => state === "skipped") ? "skipped" : "upstream_failed";
}

/** The component's exports: `describe` and `run` of the contract. */

import { run as attempt } from "../attempt.js";
import { registered } from "../dag.js";
import { Catalogue } from "../document.js";
import { install } from "../host.js";
import { host } from "./host.js";
import { taskRuns } from "./install.js";
import { reset, until } from "./loop.js";
import { type OwnPromise, takeUnhandled } from "./promise.js";
import { thaw } from "./random.js";
import { trace } from "./trace.js";

type Outcome = { tag: "success" | "control"; val: string };

/** `weft:dag/tasks`, of the DAGs that were made while the program was built. */
export function component(): { describe(): string; run(task: string, inputs: [string, string][]): Outcome } {
  const { document, tasks } = new Catalogue(registered());
  const text = JSON.stringify(document);
  reset();
  return {
    describe: () => text,
    run(task, inputs) {
      const node = tasks.get(task);
      if (!node) throw { retryable: false, message: `there is no task ${JSON.stringify(task)} in this program`, more: null };
      thaw();
      install(host);
      taskRuns();
      const given = Object.fromEntries(inputs.map(([name, value]) => [name, JSON.parse(value) as unknown]));
      const outcome = finished(attempt(node, given));
      for (const reason of takeUnhandled()) host.log("error", `unhandled promise rejection: ${trace(reason)}`, []);
      switch (outcome.kind) {
        case "success":
          return { tag: "success", val: JSON.stringify(outcome.output) };
        case "control":
          return { tag: "control", val: JSON.stringify(outcome.control) };
        case "failure": {
          const { retryable, message, more } = outcome;
          throw { retryable, message, more: more ? JSON.stringify(more) : null };
        }
      }
    },
  };
}

function finished(promise: ReturnType<typeof attempt>): Awaited<ReturnType<typeof attempt>> {
  try {
    return until(promise as unknown as OwnPromise) as Awaited<typeof promise>;
  } catch (error) {
    return { kind: "failure", retryable: true, message: (error as Error).message };
  }
}

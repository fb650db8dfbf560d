/** Variables of the installation, for which a task needs a grant by name. */

import { Fail, WeftError } from "./ending.js";
import { current } from "./host.js";

/** The task has no grant for the variable. */
export class VariableDenied extends Fail {
  override name = "VariableDenied";
}

/** The installation has no such variable. */
export class VariableNotFound extends WeftError {
  override name = "VariableNotFound";
}

/**
 * The variable's text; needs `grants: { variables: ["name"] }`. Where the
 * installation has no such variable: the fallback, or `VariableNotFound`.
 */
export function variable(name: string, fallback?: string): string {
  try {
    return current().variable(name);
  } catch (error) {
    if (error instanceof VariableNotFound && fallback !== undefined) return fallback;
    throw error;
  }
}

/** What to say of a variable that was not granted. */
export function deniedVariable(name: string): VariableDenied {
  return new VariableDenied(
    `variable ${JSON.stringify(name)} was not granted to this task; add it: grants: { variables: [${JSON.stringify(name)}] }`,
  );
}

/** `@weft/sdk`: DAGs in TypeScript and JavaScript. */

export { Artifact, ArtifactDenied, ArtifactTooLarge, ArtifactUnavailable, ArtifactWriter } from "./artifact.js";
export { Context, type DataInterval, type Woken } from "./context.js";
export { chain, type Dag, dag, type Param, param, type ParamSettings } from "./dag.js";
export type { Edge } from "./edge.js";
export { Defer, Fail, Retry, Skip, WeftError } from "./ending.js";
export { log } from "./log.js";
export type { JsonSchema, Schema, StandardSchema } from "./schema.js";
export type { DagSettings, Duration, TaskSettings, TaskTypes, TriggerRule } from "./settings.js";
export { branch, type Task, task } from "./task.js";
export { variable, VariableDenied, VariableNotFound } from "./variable.js";

/** `@weft/sdk`: DAGs in TypeScript and JavaScript. */

export { Artifact, ArtifactDenied, ArtifactTooLarge, ArtifactUnavailable, ArtifactWriter } from "./artifact.js";
export { allOf, anyOf, type AssetUpdate, type Condition, type RecordedUpdate, update, within } from "./asset.js";
export { Context, type DataInterval, Decision, ObservedUpdate, Woken } from "./context.js";
export { chain, type Dag, dag, type Param, param, type ParamSettings, teardownOf, type TeardownSettings } from "./dag.js";
export { type Each, each, type EachSettings, type Element } from "./each.js";
export type { Edge, GroupElement } from "./edge.js";
export { type Approval, type Call, Defer, type DeferOptions, Fail, Retry, Skip, WeftError } from "./ending.js";
export { type GroupSettings, mapGroup } from "./group.js";
export { log } from "./log.js";
export type { JsonSchema, Schema, StandardSchema } from "./schema.js";
export type { DagSettings, Duration, FailureCode, OnMissedDeadline, PriorityRule, RateLimit, TaskSettings, TaskTypes, TriggerRule } from "./settings.js";
export { branch, type Task, task } from "./task.js";
export { variable, VariableDenied, VariableNotFound } from "./variable.js";

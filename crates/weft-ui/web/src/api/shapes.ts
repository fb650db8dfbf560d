/** The API's answers that are made for pictures: columns of states, layouts, groups of failures. */
import type { components } from "./schema";

type Schemas = components["schemas"];
export type GridRow = Schemas["GridRow"];
export type GridRun = Schemas["GridRun"];
/** The rows are always there: the UI never says that it has them. */
export type Grid = Schemas["Grid"] & { rows: GridRow[] };
export type AttemptBar = Schemas["RunAttempt"];
export type Layout = Schemas["GraphLayout"];
export type FailureGroup = Schemas["FailureGroup"];
export type Failures = Schemas["Failures"];
export type Overview = Schemas["Overview"];
export type Durations = Schemas["Durations"];
export type Schedule = Schemas["SchedulePreview"];
export type RecentRun = Schemas["RunBrief"];
export type ClearPreview = Schemas["ClearPreview"];

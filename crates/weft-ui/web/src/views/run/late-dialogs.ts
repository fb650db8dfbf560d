/** The dialogs that change a run, each loaded when it is opened. */
import { late } from "../../parts/late";

export const ClearDialog = late(() => import("./clear-dialog").then((m) => m.ClearDialog));
export const CancelDialog = late(() => import("./dialogs").then((m) => m.CancelDialog));
export const MarkDialog = late(() => import("./dialogs").then((m) => m.MarkDialog));
export const MarkManyDialog = late(() => import("./dialogs").then((m) => m.MarkManyDialog));

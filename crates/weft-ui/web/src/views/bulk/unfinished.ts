/** An action on many runs that was interrupted: remembered by the browser, so that it goes on after the page was left. */
import type { RunFilter } from "../../api/queries";
import type { Progress } from "../../lib/stepwise";
import { remembered } from "../../lib/store";
import type { Wanted } from "./wanted";

export interface Unfinished {
  filter: RunFilter;
  wanted: Wanted;
  progress: Progress;
}

export const unfinished = remembered<Unfinished | null>("bulk", null);

// A task that does nothing, in TypeScript.
import { dag, task } from "@weft/sdk";

const noop = task(function noop() {
  return null;
});

export const nothing = dag({}, function nothing() {
  noop({});
});

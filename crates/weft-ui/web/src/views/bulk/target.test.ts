import { describe, expect, it } from "vitest";
import type { Run } from "../../api/types";
import { bodyOf, commandOf, inWords, isFilter } from "./target";

const filter = { dag: "quakes", state: "failed", tag: "a b", from: "2026-11-01T00:00:00.000Z" };
const run = (id: string) => ({ id }) as Run;

describe("what an action is for", () => {
  it("is the same filter for the API, for wfctl and in words", () => {
    expect(bodyOf({ ...filter, kind: undefined })).toEqual({
      dag: "quakes",
      state: "failed",
      tag: "a b",
      created_from: "2026-11-01T00:00:00.000Z",
    });
    expect(commandOf({ filter }, "retry", "")).toBe(
      "wfctl runs retry --dag quakes --tag 'a b' --state failed --since 2026-11-01T00:00:00.000Z --yes",
    );
    expect(inWords({ filter }, (at) => at.slice(0, 10))).toBe(
      "of quakes, that are failed, with tag a b, created since 2026-11-01",
    );
  });

  it("is never all runs", () => {
    expect(isFilter({})).toBe(false);
    expect(isFilter({ dag: undefined, state: "" })).toBe(false);
    expect(isFilter(filter)).toBe(true);
  });

  it("names the chosen runs", () => {
    expect(commandOf({ runs: [run("a")] }, "mark", " report success")).toBe("wfctl runs mark a report success");
    expect(commandOf({ runs: [run("a"), run("b")] }, "cancel", " --called")).toBe(
      'for run in a b; do\n  wfctl runs cancel "$run" --called\ndone',
    );
    expect(inWords({ runs: [run("a"), run("b")] }, String)).toBe("2 chosen runs");
  });
});

import { describe, expect, it } from "vitest";
import { CLEAR, clearBody, clearOptions, wrongIndexes } from "./clear";

describe("a clear", () => {
  it("is the same for the API and for wfctl", () => {
    const choice = { ...CLEAR, tasks: ["load it"], indexes: "3, 7-9", onlyFailed: true, past: true };
    expect(clearBody(choice)).toEqual({
      tasks: ["load it"],
      indexes: "3,7-9",
      downstream: true,
      only_failed: true,
      past: true,
    });
    expect(clearOptions(choice)).toBe(" --task 'load it' --index 3,7-9 --downstream --only-failed --past");
  });

  it("leaves out what does not fit", () => {
    expect(clearBody({ ...CLEAR, tasks: ["a", "b"], indexes: "3", upstream: true })).toEqual({
      tasks: ["a", "b"],
      upstream: true,
      downstream: true,
    });
    expect(clearBody({ ...CLEAR, tasks: ["a"], indexes: "3", upstream: true }).upstream).toBeUndefined();
    expect(clearBody({ ...CLEAR, onlyFailed: true })).toEqual({ tasks: [], only_failed: true });
  });

  it("says what is wrong with map indexes", () => {
    for (const text of ["", "3", "3,7-9", " 3 , 7-9 "]) expect(wrongIndexes(text)).toBeUndefined();
    expect(wrongIndexes("9-7")).toBe("9-7 ends before it begins");
    for (const text of ["x", "3,", "1-2-3", "-1", "3;4"]) expect(wrongIndexes(text)).toContain("such as 3,7-9");
  });
});

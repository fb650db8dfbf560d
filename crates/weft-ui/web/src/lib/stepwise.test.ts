import { describe, expect, it } from "vitest";
import type { BulkPage } from "../api/types";
import { begin, byReason, goOn, type Progress } from "./stepwise";

const PAGES: Record<string, BulkPage> = {
  "": { acted: 2, next: "b" },
  b: { acted: 1, skipped: [{ run: "r", code: "run_ended", message: "the run has ended" }], next: "c" },
  c: { acted: 3 },
};

describe("an action page by page", () => {
  it("goes on with the page at which it broke, under the same key", async () => {
    const asked: string[] = [];
    let breaks = true;
    let at: Progress = begin("k");
    const steps = {
      page: async (cursor: string | undefined, key: string) => {
        asked.push(`${key} ${cursor ?? ""}`);
        if (cursor === "c" && breaks) throw new Error("lost");
        return PAGES[cursor ?? ""] as BulkPage;
      },
      onPage: (progress: Progress) => {
        at = progress;
      },
      stopped: () => false,
    };
    await expect(goOn(at, steps)).rejects.toThrow("lost");
    expect(at).toMatchObject({ cursor: "c", acted: 3, skipped: 1 });
    breaks = false;
    expect(await goOn(at, steps)).toBe(true);
    expect(at).toMatchObject({ cursor: undefined, acted: 6, skipped: 1 });
    expect(asked).toEqual(["k ", "k b", "k c", "k c"]);
  });

  it("ends between two pages where it is stopped", async () => {
    let at: Progress = begin("k");
    const page = async (cursor: string | undefined) => PAGES[cursor ?? ""] as BulkPage;
    const onPage = (progress: Progress) => {
      at = progress;
    };
    expect(await goOn(at, { page, onPage, stopped: () => at.acted > 0 })).toBe(false);
    expect(at).toMatchObject({ cursor: "b", acted: 2 });
  });

  it("sums up why runs were left as they are", () => {
    const skip = (run: string, code: string) => ({ run, code, message: code });
    expect(byReason([skip("a", "x"), skip("b", "y"), skip("c", "x")])).toEqual([
      { code: "x", message: "x", runs: ["a", "c"] },
      { code: "y", message: "y", runs: ["b"] },
    ]);
  });
});

/** Axe finds nothing on any page, in both themes. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import { Api, expect, type Page, test } from "./test";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PAGES: Record<string, string[]> = {
  installation: ["/", "/dags", "/runs", "/backfills", "/fleet"],
  admin: ["variables", "connections", "pools", "policy", "tokens", "tenants", "audit"].map((t) => `/admin/${t}`),
  dag: ["grid", "graph", "gantt", "calendar", "grid?as=table"].map((t) => `/dags/nightly_stock/${t}`),
  "dag's text": ["durations", "schedule", "code", "settings", "trigger"].map((t) => `/dags/nightly_stock/${t}`),
  run: ["overview", "overview?task=check", "events", "params", "compare"].map((t) => `RUN/${t}`),
  task: ["check/logs", "extract.land/io", "check/limits", "publish/why", "extract.fetch_store/1/logs"].map(
    (t) => `RUN/tasks/${t}`,
  ),
};

/** Only what is violated is gathered: describing every element that passes takes three quarters of a run's time. */
async function violations(page: Page, rules?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  return page.evaluate(async (only) => {
    const { axe } = window as unknown as { axe: { run: (options: RunOptions) => Promise<AxeResults> } };
    const found = await axe.run({
      resultTypes: ["violations"],
      ...(only ? { runOnly: { type: "rule", values: only } } : {}),
    });
    return found.violations.map((v) => `${v.id} ${v.nodes[0]?.html.slice(0, 160)}`);
  }, rules);
}

const background = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor);

for (const [name, paths] of Object.entries(PAGES)) {
  test(`axe finds nothing: ${name}`, async ({ page, request }) => {
    // Seconds on a machine of its own, minutes on one that compiles meanwhile.
    test.setTimeout(240_000);
    const run = await new Api(request).newest("nightly_stock", "failed");
    const found: string[] = [];
    for (const path of paths) {
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
      await page.goto(path.replace("RUN", `/dags/nightly_stock/runs/${run}`));
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
      for (const v of await violations(page)) found.push(`${path}, light: ${v}`);
      // The elements are the same in both themes, the colours are not.
      const light = await background(page);
      await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
      await expect.poll(() => background(page)).not.toBe(light);
      for (const v of await violations(page, ["color-contrast"])) found.push(`${path}, dark: ${v}`);
    }
    expect(found).toEqual([]);
  });
}

test("dialogs and the palette have nothing that axe finds", async ({ page }) => {
  await page.goto("/dags/nightly_stock/grid");
  await expect(page.getByRole("grid")).toBeVisible();
  const found: string[] = [];
  const look = async (what: string) => {
    for (const v of await violations(page)) found.push(`${what}: ${v}`);
  };
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search and commands" })).toBeFocused();
  await look("palette");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await look("keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("f");
  await page.keyboard.press("r");
  await expect(page.getByRole("dialog")).toBeVisible();
  await look("clear");
  expect(found).toEqual([]);
});

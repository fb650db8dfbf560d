/** What can be counted of the UI's cost: a third more than it is now is a regression. Times are measured by the bench. */
import type { Page } from "@playwright/test";
import { Api, expect, test } from "./test";

/** What each is now. */
const SCRIPT_KB = 155;
const HOME_REQUESTS = 6;
const LOG_ELEMENTS = 1100;
const MORE = 4 / 3;

function calls(page: Page): string[] {
  const out: string[] = [];
  page.on("request", (request) => {
    const path = /\/api\/v1\/(.*)/.exec(request.url())?.[1];
    if (path && !path.startsWith("events")) out.push(path);
  });
  return out;
}

test("the first view is small", async ({ page }) => {
  const made = calls(page);
  await page.goto("/");
  await expect(page.getByRole("region", { name: "Counts" })).toBeVisible();
  const kb = await page.evaluate(() => {
    const all = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    return all.filter((e) => e.name.endsWith(".js")).reduce((sum, e) => sum + e.encodedBodySize, 0) / 1024;
  });
  expect(kb).toBeLessThan(SCRIPT_KB * MORE);
  expect(made.length).toBeLessThan(HOME_REQUESTS * MORE);
  expect(made.sort()).toEqual([...new Set(made)]);
});

test("what was read is not read again", async ({ page }) => {
  await page.goto("/");
  const main = page.getByRole("navigation", { name: "Main", exact: true });
  const heading = (name: string) => page.getByRole("heading", { name, level: 1 });
  await main.getByRole("link", { name: "DAGs" }).click();
  await expect(page.getByRole("link", { name: "slow", exact: true })).toBeVisible();
  await main.getByRole("link", { name: "Home" }).click();
  await expect(heading("Home")).toBeVisible();
  // Other tests start runs, so lists of runs may be read: names and rights are not.
  const made = calls(page);
  await main.getByRole("link", { name: "DAGs" }).click();
  await expect(heading("DAGs")).toBeVisible();
  expect(made.filter((path) => path === "whoami" || path.startsWith("dags?limit"))).toEqual([]);
});

test("a click on a cell reads one instance, and nothing of the run's other tasks", async ({ page }) => {
  await page.goto("/dags/nightly_stock/grid");
  const grid = page.getByRole("grid");
  await expect(grid).toBeVisible();
  await expect(page.getByText("first seen in version")).toBeVisible();
  const made = calls(page);
  await grid.click({ position: { x: 30, y: 140 } });
  await expect(page.getByRole("complementary")).toContainText("Started");
  // Other tests start runs, so the list of DAGs may be read.
  const ofRuns = made.filter((path) => path.startsWith("runs/"));
  expect(ofRuns).toHaveLength(1);
  expect(ofRuns[0]).toMatch(/^runs\/[0-9a-z]{13}\/instances\?/);
});

test("of a long log only what is looked at is in the page", async ({ page, request }) => {
  const run = await new Api(request).newest("big", "success");
  await page.goto(`/dags/big/runs/${run}/tasks/print/logs`);
  await expect(page.getByRole("log")).toContainText("line");
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  expect(elements).toBeGreaterThan(100);
  expect(elements).toBeLessThan(LOG_ELEMENTS * MORE);
});

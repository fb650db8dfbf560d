/** What happens while one looks: states, logs, the connection lost, many tabs. */
import { Api, expect, test } from "./test";

test("a run's states and log arrive without a reload", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("slow");
  await page.goto(`/dags/slow/runs/${run}/overview`);
  await page.evaluate(() => {
    (window as { same?: boolean }).same = true;
  });
  const tree = page.getByRole("region", { name: "Tasks" });
  await expect(tree.getByRole("img", { name: "running" }).first()).toBeVisible();
  await expect(page.getByRole("main").getByText("Success", { exact: true }).first()).toBeVisible({ timeout: 20_000 });
  await expect(tree.getByRole("img", { name: "success" })).toHaveCount(2);
  expect(await page.evaluate(() => (window as { same?: boolean }).same)).toBe(true);
});

test("lines of a running task come as they are printed", async ({ page, request }) => {
  const run = await new Api(request).trigger("slow");
  await page.goto(`/dags/slow/runs/${run}/tasks/first/logs`);
  const log = page.getByRole("log");
  await expect(log).toContainText("one");
  await expect(log).not.toContainText("three");
  await expect(log).toContainText("two");
  await expect(log).toContainText("three");
});

test("a new run appears in the grid by itself", async ({ page, request }) => {
  const api = new Api(request);
  await api.ended(await api.trigger("orders"));
  await page.goto("/dags/orders/grid");
  const grid = page.getByRole("grid");
  await expect(grid).toBeVisible();
  const before = Number(await grid.getAttribute("aria-colcount"));
  const run = await api.trigger("orders");
  await expect.poll(async () => Number(await grid.getAttribute("aria-colcount"))).toBeGreaterThan(before);
  await api.ended(run);
});

test("a log is searched, filtered by level, and linked to by line", async ({ page, request }) => {
  const run = await new Api(request).newest("nightly_stock", "success");
  await page.goto(`/dags/nightly_stock/runs/${run}/tasks/extract.land/logs`);
  await expect(page.getByRole("log")).toContainText("line 300");
  await page.getByLabel("Search, or /pattern/").fill("line 12");
  await expect(page.getByText("1 of 11")).toBeVisible();
  await page.getByLabel("Search, or /pattern/").press("Enter");
  await expect(page.locator("mark.on")).toHaveText("line 12");
  await page.getByLabel("Search, or /pattern/").fill("/line [34]$/");
  await expect(page.getByText("1 of 2")).toBeVisible();
  await page.getByRole("button", { name: /^info 300/i }).click();
  await expect(page).toHaveURL(/level=info/);
  await page.goto(`/dags/nightly_stock/runs/${run}/tasks/extract.land/logs#L42-L44`);
  await expect(page.locator(".l.sel")).toHaveCount(3);
  await expect(page.locator(".l.sel").first()).toContainText("line 42");
  await page.getByRole("button", { name: "Link to line 45" }).click({ modifiers: ["Shift"] });
  await expect(page).toHaveURL(/#L42-L45$/);
});

test("the connection is lost and comes back", async ({ page, context, request }) => {
  const api = new Api(request);
  await page.goto("/runs");
  await expect(page.getByRole("table")).toBeVisible();
  await context.setOffline(true);
  const run = await api.trigger("slow");
  await context.setOffline(false);
  await expect(page.locator(`a[href*="${run}"]`)).toBeVisible({ timeout: 20_000 });
});

test("ten tabs of one browser share one stream", async ({ page, context }) => {
  await page.goto("/");
  const tabs = await Promise.all(Array.from({ length: 9 }, () => context.newPage()));
  await Promise.all(tabs.map((tab) => tab.goto("/runs")));
  for (const tab of tabs) await expect(tab.getByRole("table")).toBeVisible();
});

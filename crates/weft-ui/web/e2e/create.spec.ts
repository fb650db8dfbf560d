/** Runs that are created for later or for many dates. */
import { violations } from "./axe";
import { Api, expect, type Page, test, VIEWER } from "./test";

// On a machine that compiles meanwhile a test takes most of a minute.
test.describe.configure({ timeout: 120_000 });

const main = (page: Page) => page.getByRole("main");

test("a run is triggered for a later time", async ({ page, request }) => {
  await page.goto("/dags/ledger/trigger");
  await page.getByRole("radio", { name: "At a time" }).click();
  await page.getByLabel("Not before").fill("2020-01-01");
  await expect(main(page)).toContainText("This is in the past: the run starts at once.");
  await page.getByLabel("Not before").fill("tomorrow");
  await expect(main(page)).toContainText("Write it as 2026-11-23 02:00");
  await expect(page.getByRole("button", { name: /^Trigger/ })).toBeDisabled();
  await page.getByLabel("Not before").fill("2099-12-24 18:00");
  await expect(main(page)).toContainText("The run is created now, and waits until then: in ");
  await expect(page.locator(".cmd").first()).toContainText("--at 2099-12-24T17:00:00.000Z");
  await expect(page.locator(".cmd").last()).toContainText('"not_before": "2099-12-24T17:00:00.000Z"');
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: /^Trigger/ }).click();
  await expect(page).toHaveURL(/runs\/[0-9a-z]{13}\/overview/);
  const run = /runs\/([0-9a-z]{13})/.exec(page.url())?.[1] ?? "";
  const api = new Api(request);
  expect(await api.get(`runs/${run}`)).toMatchObject({ state: "queued", not_before: "2099-12-24T17:00:00Z" });
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the run" }).click();
  await api.ended(run);
});

test("a backfill creates the latest dates first, as many as its limit", async ({ page, request }) => {
  await page.goto("/backfills?dag=orders&from=2024-03-01&until=2024-03-11");
  await page.getByRole("radio", { name: "Latest" }).click();
  await page.getByLabel("At most, runs").fill("0");
  await expect(page.getByRole("button", { name: "Dry run" })).toBeDisabled();
  await page.getByLabel("At most, runs").fill("2");
  await expect(main(page)).toContainText("--order newest --limit 2 --dry-run");
  await page.getByRole("button", { name: "Dry run" }).click();
  await expect(main(page)).toContainText("2 runs would be created");
  await expect(main(page)).toContainText("8 further dates are left for the next backfill");
  await expect(main(page).locator(".tag")).toHaveText([/2024-03-09/, /2024-03-10/]);
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: "Create 2 runs" }).click();
  await expect(page.getByText("2 runs created")).toBeVisible();
  const { items } = await new Api(request).get<{ items: { logical_date: string }[] }>(
    "dags/orders/runs?kind=backfill&limit=10",
  );
  expect(items.map((run) => run.logical_date.slice(0, 10)).sort()).toEqual(["2024-03-09", "2024-03-10"]);
});

test.describe("on a narrow screen", () => {
  test.use({ viewport: { width: 360, height: 780 } });

  test("approvals are in the bottom bar, and the rest in its menu", async ({ page }) => {
    await page.goto("/");
    const bar = page.getByRole("navigation", { name: "Main, narrow" });
    await bar.getByRole("link", { name: "Approvals" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Approvals" })).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await bar.getByRole("button", { name: "More" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("menuitem")).toHaveText(["Search", "Assets", "Backfills", "Fleet", "Admin"]);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("menuitem", { name: "Backfills" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Backfills" })).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  });
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("creates no runs", async ({ page }) => {
    await page.goto("/backfills");
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("button", { name: "Dry run" })).toHaveCount(0);
    await page.goto("/dags/ledger/trigger");
    await expect(main(page)).toContainText("does not permit");
  });
});

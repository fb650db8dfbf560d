/** Actions on many runs: a filter or chosen runs, the dry run, the progress, a lost connection. */
import { violations } from "./axe";
import { Api, expect, type Page, test, VIEWER } from "./test";

// On a machine that compiles meanwhile a test takes most of a minute.
test.describe.configure({ timeout: 180_000, mode: "serial" });

const dialog = (page: Page) => page.getByRole("dialog");
const bar = (page: Page) => page.getByRole("toolbar", { name: "Chosen runs" });
const rows = (page: Page) =>
  page
    .getByRole("main")
    .getByRole("row")
    .filter({ has: page.getByRole("checkbox", { name: /^Choose [0-9a-z]{13}$/ }) });

interface Run {
  id: string;
  state: string;
}
const states = async (api: Api, ids: readonly string[]) =>
  (await Promise.all(ids.map((id) => api.get<Run>(`runs/${id}`)))).map((run) => run.state);

test("all runs that match are cancelled page by page, and a lost connection goes on", async ({ page, request }) => {
  const api = new Api(request);
  await api.change("parked", { paused: true });
  const ids: string[] = [];
  for (let i = 0; i < 60; i += 1) ids.push(await api.trigger("parked"));
  await page.goto("/runs?dag=parked");
  await page.getByRole("button", { name: "Choose", exact: true }).click();
  await expect(bar(page).getByRole("button", { name: "Cancel…" })).toBeDisabled();
  await bar(page).getByRole("button", { name: "All that match the filter" }).click();
  await expect(bar(page)).toContainText("All runs that match");
  await bar(page).getByRole("button", { name: "Cancel…" }).click();
  await expect(dialog(page)).toContainText("of parked");
  await expect(dialog(page)).toContainText("Dry run: 60 runs would be cancelled.");
  await expect(dialog(page)).toContainText("wfctl runs cancel --dag parked --yes");
  expect(await violations(page)).toEqual([]);

  // The second page is lost.
  let sent = 0;
  const keys = new Set<string | undefined>();
  await page.route("**/api/v1/runs/bulk", async (route) => {
    sent += 1;
    keys.add(route.request().headers()["idempotency-key"]);
    await (sent === 2 ? route.abort() : route.continue());
  });
  await dialog(page).getByRole("button", { name: "Cancel 60 runs" }).click();
  await expect(dialog(page)).toContainText("Stopped: 50 runs of 60 are cancelled.");
  await expect(dialog(page)).toContainText("The server can't be reached");
  await expect(dialog(page)).toContainText(/wfctl runs cancel --dag parked --yes --key [0-9a-f]{16}/);
  expect(await violations(page)).toEqual([]);
  await dialog(page).getByRole("button", { name: "Close" }).click();

  // It is remembered, even where the page is left.
  await page.reload();
  const left = page.getByRole("region", { name: "Interrupted action" });
  await expect(left).toContainText("Cancelling runs was interrupted after 50 runs.");
  await left.getByRole("button", { name: "Go on…" }).click();
  await dialog(page).getByRole("button", { name: "Go on", exact: true }).click();
  await expect(dialog(page)).toBeHidden();
  await expect(left).toBeHidden();
  await expect(page.getByText("60 runs cancelled")).toBeVisible();
  expect(keys.size).toBe(1);
  await expect.poll(async () => [...new Set(await states(api, ids))]).toEqual(["cancelled"]);
  await api.change("parked", { paused: false });
});

test("chosen runs are retried, with the keyboard alone", async ({ page, request }) => {
  const api = new Api(request);
  const ids = [];
  for (const code of [9, 9, 0])
    ids.push(await api.trigger("invoices", { code }, { logical_date: "2025-05-01T00:00:00Z" }));
  for (const id of ids) await api.ended(id);
  const [first = "", second = "", third = ""] = ids;
  await page.goto("/runs?dag=invoices");
  await page.getByRole("button", { name: "Choose", exact: true }).focus();
  await page.keyboard.press("Enter");
  for (const id of ids) {
    await page.getByRole("checkbox", { name: `Choose ${id}` }).focus();
    await page.keyboard.press("Space");
  }
  await expect(bar(page)).toContainText("3 runs chosen");
  await bar(page).getByRole("button", { name: "Retry failed…" }).focus();
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toContainText("3 chosen runs");
  await expect(dialog(page)).toContainText("Dry run: 2 runs would be retried, 1 left as they are.");
  const dry = dialog(page).getByRole("region", { name: "Dry run" });
  await dry.locator("summary", { hasText: second }).focus();
  await page.keyboard.press("Enter");
  await expect(dry.getByRole("list", { name: `What would run again of ${second}` })).toContainText("check");
  await dialog(page).getByRole("button", { name: "Retry 2 runs" }).focus();
  await page.keyboard.press("Enter");
  // What was left as it is stays to be read.
  await expect(dialog(page)).toContainText("2 runs are retried, 1 left as they are.");
  await dialog(page).locator("summary").click();
  await expect(dialog(page)).toContainText(third);
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toBeHidden();
  const attempt = async (id: string) => (await api.get<{ attempt: number }>(`runs/${id}/tasks/check/0`)).attempt;
  await expect.poll(() => attempt(first)).toBe(2);
  expect(await attempt(third)).toBe(1);
});

test("tasks of all failed runs are cleared and marked", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("invoices", { code: 9 });
  await api.ended(run);
  await page.goto("/runs?dag=invoices&state=failed");
  await page.getByRole("button", { name: "Choose", exact: true }).click();
  await bar(page).getByRole("button", { name: "All that match the filter" }).click();
  await bar(page).getByRole("button", { name: "Clear…" }).click();
  await expect(dialog(page).getByRole("button", { name: "Clear", exact: true })).toBeDisabled();
  await dialog(page).getByRole("checkbox", { name: "load" }).check();
  const dry = dialog(page).getByRole("region", { name: "Dry run" });
  await dry.locator("summary", { hasText: run }).click();
  await expect(dry.getByRole("list", { name: `What would run again of ${run}` })).toHaveText(/load.*check.*report/);
  await expect(dialog(page)).toContainText(
    "wfctl runs clear --dag invoices --state failed --task load --downstream --yes",
  );
  expect(await violations(page)).toEqual([]);
  await dialog(page).getByRole("button", { name: "Back" }).click();

  await bar(page).getByRole("button", { name: "Mark…" }).click();
  await dialog(page).getByRole("radio", { name: "check", exact: true }).check();
  await dialog(page).getByRole("radio", { name: "Skipped" }).click();
  await expect(dialog(page)).toContainText("--state failed --task check --as skipped --yes");
  await dialog(page)
    .getByRole("button", { name: /^Mark \d+ runs?$/ })
    .click();
  await expect(dialog(page)).toBeHidden();
  await expect
    .poll(async () => (await api.get<Run>(`runs/${run}/tasks/check/0`)).state, { timeout: 15_000 })
    .toBe("skipped");
});

test("runs are filtered by tag and by time, and an action without a filter is not offered", async ({
  page,
  request,
}) => {
  const run = await new Api(request).trigger("invoices");
  await page.goto("/runs");
  await page.getByRole("button", { name: "Choose", exact: true }).click();
  await expect(bar(page).getByRole("button", { name: "All that match the filter" })).toBeDisabled();
  await page.getByLabel("Tag", { exact: true }).selectOption("billing");
  await expect(page).toHaveURL(/tag=billing/);
  await expect(page.getByRole("checkbox", { name: `Choose ${run}` })).toBeVisible();
  await expect(page.getByRole("main").getByRole("link", { name: "nightly_stock" })).toHaveCount(0);
  await page.getByLabel("Created", { exact: true }).selectOption("24h");
  await expect(page.getByRole("checkbox", { name: `Choose ${run}` })).toBeVisible();
  await page.getByLabel("Created", { exact: true }).selectOption("range");
  await page.getByLabel(/^Created before/).fill("2020-01");
  await expect(page.getByLabel(/^Created before/)).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel(/^Created before/).fill("2020-01-01");
  await expect(page.getByText("No run matches.")).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page).toHaveURL(/\/runs$/);
  await expect(rows(page).first()).toBeVisible();
});

test.describe("on a narrow screen", () => {
  test.use({ viewport: { width: 360, height: 780 } });

  test("everything is reachable, and nothing is wider than the screen", async ({ page }) => {
    const fits = () =>
      page.evaluate(() => {
        const tables = [...document.querySelectorAll("table")].map((table) => table.getBoundingClientRect().right);
        return Math.max(document.documentElement.scrollWidth, ...tables) <= window.innerWidth;
      });
    await page.goto("/runs");
    await expect(page.getByRole("main").getByRole("row").nth(1)).toBeVisible();
    expect(await fits()).toBe(true);
    await page.getByRole("button", { name: "Choose", exact: true }).click();
    expect(await fits()).toBe(true);
    await page.goto("/runs?dag=invoices");
    await page.getByRole("button", { name: "Choose", exact: true }).click();
    await page.getByRole("checkbox", { name: "Choose all that are listed" }).check();
    await bar(page).getByRole("button", { name: "Retry failed…" }).click();
    await expect(dialog(page)).toContainText("Dry run:");
    expect(await fits()).toBe(true);
    const box = await dialog(page).boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= 360).toBe(true);
  });
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("chooses no runs, and the API refuses the action", async ({ page }) => {
    await page.goto("/runs?dag=invoices");
    await expect(page.getByRole("heading", { level: 1, name: "Runs" })).toBeVisible();
    await expect(page.getByRole("button", { name: "Choose", exact: true })).toHaveCount(0);
    const status = await page.evaluate(async () => {
      const answer = await fetch("/api/v1/runs/bulk", {
        method: "POST",
        headers: { "weft-ui": "1", "content-type": "application/json", "idempotency-key": "a" },
        body: JSON.stringify({ action: "cancel", filter: { dag: "invoices" } }),
      });
      return answer.status;
    });
    expect(status).toBe(403);
  });
});

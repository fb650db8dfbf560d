/** What people do: trigger, clear, cancel; and what viewers are not offered. */
import { DAGS } from "./dags";
import { Api, expect, test, URL_, VIEWER } from "./test";

test("a run is triggered from its form, which refuses what the schema refuses", async ({ page }) => {
  await page.goto("/dags/orders/grid");
  await expect(page.getByRole("link", { name: /^Trigger/ })).toBeVisible();
  await page.keyboard.press("t");
  await page.getByLabel("code").fill("12");
  await expect(page.getByText("12 is more than the maximum of 9")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Trigger/ })).toBeDisabled();
  await page.getByLabel("code").fill("7");
  await page.getByRole("radio", { name: "north" }).click();
  await expect(page.locator(".cmd").first()).toContainText("--param region=north");
  await page.keyboard.press("Control+Enter");
  await expect(page).toHaveURL(/runs\/[0-9a-z]{13}\/overview/);
  await expect(page.getByRole("main").getByText("Failed", { exact: true }).first()).toBeVisible();
});

test("a run is run again for its date with edited parameters", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.newest("nightly_stock", "failed");
  const before = await api.get<{ logical_date: string }>(`runs/${run}`);
  await page.goto(`/dags/nightly_stock/runs/${run}/overview`);
  await page.getByRole("link", { name: "Run again…" }).click();
  await expect(page.getByLabel("code")).toHaveValue("7");
  await expect(page.locator(".cmd").first()).toContainText(`--logical-date ${before.logical_date.slice(0, 10)}`);
  await page.getByLabel("code").fill("8");
  await expect(page.locator(".cmd").first()).toContainText("--param code=8");
  // Only looked at: other tests count the runs of this DAG.
  await expect(page.getByRole("button", { name: /^Trigger/ })).toBeEnabled();
});

test("clearing shows first what would run again", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("orders", { code: 7 });
  await api.ended(run);
  await page.goto(`/dags/orders/runs/${run}/overview?task=check`);
  await expect(page.getByRole("complementary")).toContainText("exit code 7");
  await page.keyboard.press("r");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("listitem")).toHaveText([/check/, /publish/]);
  await dialog.getByLabel("Everything downstream too").uncheck();
  await expect(dialog.getByRole("listitem")).toHaveCount(1);
  await dialog.getByRole("button", { name: "Clear 1 instance" }).click();
  await expect(dialog).toBeHidden();
  await expect
    .poll(async () => (await api.get<{ attempt: number }>(`runs/${run}/tasks/check/0`)).attempt, { timeout: 15_000 })
    .toBe(2);
});

test("several tasks are chosen and cleared together", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("orders", { code: 7 });
  await api.ended(run);
  await page.goto(`/dags/orders/runs/${run}/overview`);
  await page.getByRole("button", { name: "Choose", exact: true }).click();
  const bar = page.getByRole("toolbar", { name: "Chosen tasks" });
  await page.getByRole("checkbox", { name: "Choose the group extract" }).check();
  await expect(bar).toContainText("2 tasks chosen");
  await bar.getByRole("button", { name: "All that failed" }).click();
  await expect(page.getByRole("checkbox", { name: "Choose check" })).toBeChecked();
  await expect(bar).toContainText("1 task chosen");
  await page.getByRole("checkbox", { name: "Choose publish" }).check();
  await bar.getByRole("button", { name: "Clear…" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("listitem")).toHaveText([/check/, /publish/]);
  await dialog.getByRole("button", { name: "Clear 2 instances" }).click();
  await expect(dialog).toBeHidden();
  await expect
    .poll(async () => (await api.get<{ attempt: number }>(`runs/${run}/tasks/check/0`)).attempt, { timeout: 15_000 })
    .toBe(2);
});

test("the policy is tested before it is set", async ({ page }) => {
  await page.goto("/admin/policy");
  await page.getByLabel("HTTP to").fill("example.com, http://10.0.0.1");
  await page.getByRole("button", { name: "Would it be granted?" }).click();
  await expect(page.getByText("No.", { exact: true })).toBeVisible();
  await expect(page.getByText(/HTTP to http:\/\/10\.0\.0\.1 is not allowed/)).toBeVisible();
  await page.getByLabel("HTTP to").fill("example.com");
  await page.getByLabel("Tasks of").selectOption("orders");
  await page.getByRole("button", { name: "Would it be granted?" }).click();
  await expect(page.getByText(/everything that 5 tasks request is granted/)).toBeVisible();
  await page.getByLabel("The policy, in TOML").fill('schema = "weft.policy/1"\n[http]\nallow = []\n');
  await expect(page.getByText("against your draft")).toBeVisible();
});

test("a run is cancelled", async ({ page, request }) => {
  const run = await new Api(request).trigger("waits");
  await page.goto(`/dags/waits/runs/${run}/overview`);
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the run" }).click();
  await expect(page.getByRole("main").getByText("Cancelled", { exact: true }).first()).toBeVisible();
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("is offered nothing that they may not do, and the API refuses it anyway", async ({ page, request }) => {
    const run = await new Api(request).newest("nightly_stock", "failed");
    await page.goto("/dags");
    await expect(page.getByRole("row")).toHaveCount(DAGS.length + 1);
    await expect(page.getByRole("switch")).toHaveCount(0);
    await expect(page.getByRole("checkbox")).toHaveCount(0);
    for (const path of [
      "/dags/nightly_stock/grid",
      `/dags/nightly_stock/runs/${run}/overview?task=check`,
      `/dags/nightly_stock/runs/${run}/tasks/check/logs`,
    ]) {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("button", { name: /^(Clear|Mark|Cancel|Pause|Trigger)/ })).toHaveCount(0);
      await expect(page.getByRole("link", { name: /^Trigger/ })).toHaveCount(0);
    }
    await page.goto("/admin/tokens");
    await expect(page.getByRole("main")).toContainText("does not permit");
    const status = await page.evaluate(async (id) => {
      const answer = await fetch(`/api/v1/runs/${id}/cancel`, { method: "POST", headers: { "weft-ui": "1" } });
      return answer.status;
    }, run);
    expect(status).toBe(403);
  });
});

test("a write without the UI's header is refused", async ({ page }) => {
  await page.goto("/");
  const status = await page.evaluate(async () => (await fetch("/api/v1/session", { method: "DELETE" })).status);
  expect(status).toBe(403);
  expect(page.url()).toBe(`${URL_()}/`);
});

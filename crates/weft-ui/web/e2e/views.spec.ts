/** Home, the list of DAGs, the grid, a run: what they show and where they lead. */
import { DAGS } from "./dags";
import { Api, expect, test } from "./test";

test("from Home the cause of a failed task is one click away", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("region", { name: "Counts" })).toContainText("DAGs failing");
  await expect(page.getByRole("status", { name: "Health" })).toContainText("Workers");
  await page.getByRole("link", { name: /exit code 7/ }).click();
  await expect(page.getByRole("log")).toContainText("31 price jumps over 20 %");
  await expect(page.getByRole("complementary")).toContainText("exit code 7");
});

test("DAGs are found as one types, and the address keeps it", async ({ page }) => {
  await page.goto("/dags");
  await expect(page.getByRole("row")).toHaveCount(DAGS.length + 1);
  await page.keyboard.press("/");
  await page.keyboard.type("nightly");
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page).toHaveURL(/q=nightly/);
  await page.reload();
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.getByLabel("Name, tag, owner, description").fill("nothing is called this");
  await page.getByRole("button", { name: /Show all/ }).click();
  await expect(page.getByRole("row")).toHaveCount(DAGS.length + 1);
});

test("a DAG is paused and unpaused from the list", async ({ page, request }) => {
  const api = new Api(request);
  await page.goto("/dags");
  const toggle = page.getByRole("switch", { name: /^slow/ });
  await toggle.click();
  await expect(toggle).toHaveAttribute("aria-checked", "false");
  expect(await api.get("dags/slow")).toMatchObject({ paused: true });
  await toggle.click();
  await expect(toggle).toHaveAttribute("aria-checked", "true");
});

test("the grid is drawn, walks over failures by key and opens their logs", async ({ page }) => {
  await page.goto("/dags/nightly_stock/grid");
  const grid = page.getByRole("grid");
  await expect(grid).toHaveAttribute("aria-rowcount", "6");
  await expect
    .poll(() =>
      page.locator(".g-cells canvas").evaluate((canvas) => {
        const c = canvas as HTMLCanvasElement;
        const pixels = c.getContext("2d")?.getImageData(0, 128, c.width, c.height - 128).data ?? [];
        return new Set(Array.from(pixels).filter((_, i) => i % 4 === 0)).size;
      }),
    )
    .toBeGreaterThan(5);
  await page.keyboard.press("f");
  await expect(page).toHaveURL(/task=check/);
  await expect(page.getByRole("complementary")).toContainText("exit code 7");
  await expect(page.getByRole("gridcell")).toContainText("check, 2026-11-23 02:00: failed");
  await page.keyboard.press("f");
  await expect(page.getByRole("gridcell")).toContainText("2026-11-21");
  await grid.focus();
  await page.keyboard.press("ArrowUp");
  await expect(page.getByRole("gridcell")).toContainText("extract.land");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("log")).toContainText("line 300");
});

test("the grid folds groups and is a table of words as well", async ({ page }) => {
  await page.goto("/dags/nightly_stock/grid");
  await page.getByRole("button", { name: /extract/, expanded: true }).click();
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "4");
  await page.getByRole("radio", { name: "Table" }).click();
  await expect(page.getByRole("cell", { name: "upstream failed" })).toHaveCount(2);
});

const TABS: Record<string, RegExp> = {
  gantt: /list_stores/,
  calendar: /2026/,
  durations: /median/,
  schedule: /From now/,
  code: /sha256:/,
  settings: /Trigger rule/,
};
for (const [tab, text] of Object.entries(TABS)) {
  test(`the DAG's ${tab} shows something`, async ({ page }) => {
    await page.goto(`/dags/nightly_stock/${tab}`);
    await expect(page.getByRole("main")).toContainText(text);
    await expect(page.getByRole("alert")).toHaveCount(0);
  });
}

test("the graph has the states of the run", async ({ page }) => {
  await page.goto("/dags/nightly_stock/graph");
  await expect(page.getByRole("button", { name: /check, failed/ })).toBeVisible();
  await page.getByRole("button", { name: /check, failed/ }).click();
  await expect(page.getByRole("complementary")).toContainText("exit code 7");
});

test("a run shows why it failed, its events, parameters and a comparison", async ({ page, request }) => {
  const run = await new Api(request).newest("nightly_stock", "failed");
  await page.goto(`/dags/nightly_stock/runs/${run}/overview`);
  await expect(page.getByText(/exit code 7/).first()).toBeVisible();
  await expect(page.getByText("1 instance never ran because of it")).toBeVisible();
  await page.getByRole("link", { name: "Events" }).click();
  await expect(page.getByRole("region", { name: "Events" })).toContainText("run ended: failed");
  await page.getByRole("link", { name: "Parameters" }).click();
  await expect(page.getByRole("main")).toContainText("code: 7");
  await page.getByRole("link", { name: "Compare" }).click();
  await expect(page.getByRole("row", { name: /^check/ })).toContainText("failed");
});

test("inputs and outputs are a table where they are records", async ({ page, request }) => {
  const run = await new Api(request).newest("nightly_stock", "success");
  await page.goto(`/dags/nightly_stock/runs/${run}/tasks/extract.land/io`);
  await expect(page.getByText(/2 items/).first()).toBeVisible();
  await page.getByRole("radio", { name: "Text" }).first().click();
  await expect(page.getByText('"stock": 12')).toBeVisible();
  await page.goto(`/dags/nightly_stock/runs/${run}/tasks/extract.land/limits`);
  await expect(page.getByRole("main")).toContainText("of 256 MiB");
});

test("records are drawn, and a version's document is code", async ({ page, request }) => {
  const run = await new Api(request).newest("nightly_stock", "success");
  await page.goto(`/dags/nightly_stock/runs/${run}/tasks/extract.land/io`);
  await page.getByRole("radio", { name: "Chart" }).first().click();
  await expect(page.getByRole("img", { name: /of 2 rows by/ })).toBeVisible();
  await page.goto("/dags/nightly_stock/code");
  const code = page.getByRole("textbox", { name: "The version's document" });
  await expect(code).toContainText('"id": "nightly_stock"');
});

test("two runs show how a task's output and log differ", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.newest("nightly_stock", "failed");
  await page.goto(`/dags/nightly_stock/runs/${run}/compare`);
  await page.getByRole("button", { name: "Outputs and logs of check" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Logs" }).click();
  await expect(dialog).toContainText(/The same\.|checking/);
  await dialog.getByRole("radio", { name: "Outputs" }).click();
  // The one run failed there and has no output, the other has one: null.
  await expect(dialog).toContainText("null");
});

test("an address that names nothing says so", async ({ page }) => {
  await page.goto("/dags/no_such_dag/grid");
  await expect(page.getByRole("alert")).toContainText("dag_not_found");
  await page.goto("/nowhere");
  await expect(page.getByRole("main")).toContainText("nothing at this address");
});

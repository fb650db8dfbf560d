/** Clears with options: map indexes, upstream, only what failed, other dates; the dry run says what each would do. */
import { violations } from "./axe";
import { Api, expect, type Page, test } from "./test";

// On a machine that compiles meanwhile a test takes most of a minute.
test.describe.configure({ timeout: 120_000 });

const dialog = (page: Page) => page.getByRole("dialog");
const would = (page: Page, label = "What would run again") =>
  dialog(page).getByRole("list", { name: label }).getByRole("listitem");

interface Instance {
  attempt: number;
  state: string;
}
const instance = (api: Api, run: string, task: string, index = 0) =>
  api.get<Instance>(`runs/${run}/tasks/${task}/${index}`);
const attempt = async (api: Api, run: string, task: string, index = 0) =>
  (await instance(api, run, task, index)).attempt;

test("single instances of a mapped task are cleared", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("ledger");
  await api.ended(run);
  await page.goto(`/dags/ledger/runs/${run}/overview?task=load`);
  await page
    .getByRole("complementary")
    .getByRole("button", { name: /^Clear/ })
    .click();
  await expect(would(page)).toHaveText([/load/, /check/, /report/]);
  const field = dialog(page).getByLabel("Map indexes");
  await field.fill("2-");
  await expect(dialog(page).getByText("Write single indexes and ranges, such as 3,7-9")).toBeVisible();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(dialog(page).getByRole("button", { name: /^Clear/ })).toBeDisabled();
  await field.fill("9");
  await expect(dialog(page)).toContainText("has no instance 9");
  await field.fill("1,2-3");
  await dialog(page).getByLabel("Everything downstream too").uncheck();
  await expect(would(page)).toHaveText([/load.*× 3: \[1\] \[2\] \[3\]/]);
  await expect(dialog(page).getByLabel("Everything upstream too")).toBeDisabled();
  await expect(dialog(page)).toContainText(`wfctl runs clear ${run} --task load --index 1,2-3`);
  await dialog(page).getByRole("button", { name: "Clear 3 instances" }).click();
  await expect(dialog(page)).toBeHidden();
  await expect.poll(() => attempt(api, run, "load", 3)).toBe(2);
  expect(await attempt(api, run, "load", 0)).toBe(1);
  expect(await attempt(api, run, "check")).toBe(1);
});

test("the page of an instance begins with it", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("ledger");
  await api.ended(run);
  await page.goto(`/dags/ledger/runs/${run}/tasks/load/2/logs`);
  await expect(page.getByRole("heading", { name: "load [2]" })).toBeVisible();
  await page.keyboard.press("r");
  await expect(dialog(page).getByLabel("Map indexes")).toHaveValue("2");
  await expect(would(page).first()).toHaveText(/load.*× 1: \[2\]/);
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toBeHidden();
});

test("upstream tasks are cleared too, or only what failed", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("ledger", { code: 9 });
  await api.ended(run);
  await page.goto(`/dags/ledger/runs/${run}/overview`);
  // What failed, to begin with.
  await page.getByRole("button", { name: /^Clear failed/ }).click();
  await expect(dialog(page).getByLabel("Only what failed")).toBeChecked();
  await expect(would(page)).toHaveText([/check/, /report/]);
  await dialog(page).getByLabel("Everything upstream too").check();
  await expect(would(page)).toHaveText([/check/, /report/]);
  await dialog(page).getByLabel("Only what failed").uncheck();
  await expect(would(page)).toHaveText([/list/, /load/, /check/, /report/]);
  await expect(dialog(page)).toContainText("--task check --upstream --downstream");
  await dialog(page).getByRole("button", { name: "Clear 7 instances" }).click();
  await expect(dialog(page)).toBeHidden();
  await expect.poll(() => attempt(api, run, "list")).toBe(2);
});

test("earlier and later dates are cleared too, with a dry run of each", async ({ page, request }) => {
  const api = new Api(request);
  const runs: string[] = [];
  for (const day of ["01", "02", "03"])
    runs.push(await api.trigger("ledger", {}, { logical_date: `2025-03-${day}T00:00:00Z` }));
  for (const run of runs) await api.ended(run);
  const [first = "", second = "", third = ""] = runs;
  await page.goto(`/dags/ledger/runs/${second}/overview?task=report`);
  await expect(page.getByRole("complementary")).toContainText("report");
  await page.keyboard.press("r");
  await expect(would(page)).toHaveCount(1);
  await dialog(page).getByLabel("Earlier dates too").check();
  const dry = dialog(page).getByRole("region", { name: "Dry run" });
  await expect(dry.getByText("This run")).toBeVisible();
  await expect(dry.getByText(first)).toBeVisible();
  await expect(dry.getByText(third)).toHaveCount(0);
  await dry.getByText(first).click();
  await expect(would(page, `What would run again of ${first}`)).toHaveText([/report/]);
  expect(await violations(page)).toEqual([]);
  await expect(dialog(page)).toContainText("--past");
  await dialog(page).getByRole("button", { name: "Clear in 2 runs" }).click();
  await expect(dialog(page)).toBeHidden();
  await expect(page.getByText("2 runs cleared: they run again")).toBeVisible();
  await expect.poll(() => attempt(api, first, "report")).toBe(2);
  expect(await attempt(api, third, "report")).toBe(1);
});

test("several tasks are cleared with the same options", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("ledger");
  await api.ended(run);
  await page.goto(`/dags/ledger/runs/${run}/overview?pick=load,report`);
  await page.getByRole("toolbar", { name: "Chosen tasks" }).getByRole("button", { name: "Clear…" }).click();
  await expect(dialog(page).getByLabel("Map indexes")).toHaveCount(0);
  await dialog(page).getByLabel("Everything downstream too").uncheck();
  await expect(would(page)).toHaveText([/load/, /report/]);
  await dialog(page).getByLabel("Only what failed").check();
  await expect(dialog(page)).toContainText("Nothing: what may run already is left as it is.");
  await expect(dialog(page).getByRole("button", { name: /^Clear/ })).toBeDisabled();
});

/** Paused DAGs and held runs, of one DAG and of several; runs that are triggered together. */
import { violations } from "./axe";
import { Api, expect, type Page, test, VIEWER } from "./test";

// On a machine that compiles meanwhile a test takes most of a minute.
test.describe.configure({ timeout: 120_000, mode: "serial" });

const dialog = (page: Page) => page.getByRole("dialog");
const main = (page: Page) => page.getByRole("main");
async function dagOf(api: Api, dag: string) {
  const { paused, held = false } = await api.get<{ paused: boolean; held?: boolean }>(`dags/${dag}`);
  return { paused, held };
}

test("pausing a DAG offers to hold its runs, and what waits says why", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("held");
  await page.goto("/dags/held/grid");
  await page.getByRole("button", { name: "Pause…" }).click();
  await expect(dialog(page)).toContainText("Runs that have begun go on to their end.");
  await dialog(page).getByLabel("Hold its running runs as well").check();
  await expect(dialog(page)).toContainText("wfctl dags pause held --hold");
  expect(await violations(page)).toEqual([]);
  await dialog(page).getByRole("button", { name: "Pause and hold" }).click();
  await expect(dialog(page)).toBeHidden();
  await expect(main(page).getByText("paused, runs held")).toBeVisible();
  expect(await dagOf(api, "held")).toEqual({ paused: true, held: true });

  await page.goto(`/dags/held/runs/${run}/overview`);
  await expect(main(page)).toContainText("is held: nothing more of its runs is dispatched until it is unpaused.");
  // What runs ends, and nothing follows it.
  const state = async (task: string) => (await api.get<{ state: string }>(`runs/${run}/tasks/${task}/0`)).state;
  await expect.poll(() => state("first"), { timeout: 30_000 }).toBe("success");
  expect(await state("second")).not.toMatch(/running|success/);
  await page.goto(`/dags/held/runs/${run}/tasks/second/why`);
  await expect(main(page)).toContainText("dag_held");
  await page.goto("/dags");
  await expect(page.getByRole("row").filter({ hasText: "runs held" })).toContainText("held");

  // The runs go on while the DAG stays paused.
  await page.goto("/dags/held/grid");
  await page.getByRole("button", { name: "Release its runs" }).click();
  await expect(page.getByRole("button", { name: "Hold its runs" })).toBeVisible();
  expect(await dagOf(api, "held")).toEqual({ paused: true, held: false });
  await api.ended(run);
  await page.getByRole("button", { name: "Unpause" }).click();
  await expect(page.getByRole("button", { name: "Pause…" })).toBeVisible();
});

test("several DAGs are paused with a hold, unpaused and triggered", async ({ page, request }) => {
  const api = new Api(request);
  await page.goto("/dags");
  for (const dag of ["held", "needy"]) await page.getByRole("checkbox", { name: `Select ${dag}` }).check();
  const bar = page.getByRole("toolbar", { name: "Selected DAGs" });
  await expect(bar).toContainText("2 DAGs selected");
  await bar.getByRole("button", { name: "Pause…" }).click();
  await dialog(page).getByLabel("Hold its running runs as well").check();
  await dialog(page).getByRole("button", { name: "Pause and hold" }).click();
  await expect(page.getByText("2 DAGs paused, runs held")).toBeVisible();
  expect(await dagOf(api, "needy")).toEqual({ paused: true, held: true });

  for (const dag of ["held", "needy"]) await page.getByRole("checkbox", { name: `Select ${dag}` }).check();
  await bar.getByRole("button", { name: "Unpause" }).click();
  await expect(page.getByText("2 DAGs unpaused")).toBeVisible();
  expect(await dagOf(api, "held")).toEqual({ paused: false, held: false });

  for (const dag of ["held", "needy"]) await page.getByRole("checkbox", { name: `Select ${dag}` }).check();
  await bar.getByRole("button", { name: "Trigger…" }).click();
  await expect(dialog(page).getByRole("listitem")).toHaveText(["held", "needy"]);
  expect(await violations(page)).toEqual([]);
  await dialog(page).getByRole("button", { name: "Trigger 2 runs" }).click();
  // One of them needs a parameter.
  await expect(dialog(page)).toContainText("1 run is triggered, 1 left as they are.");
  await dialog(page).locator("summary").click();
  await expect(dialog(page)).toContainText("needy");
  await dialog(page).getByRole("button", { name: "Close" }).click();
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("pauses and holds nothing", async ({ page }) => {
    await page.goto("/dags/held/grid");
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("button", { name: /Pause|Hold|Release/ })).toHaveCount(0);
    const status = await page.evaluate(async () => {
      const answer = await fetch("/api/v1/dags/held", {
        method: "PATCH",
        headers: { "weft-ui": "1", "content-type": "application/json" },
        body: '{"paused": true, "hold": true}',
      });
      return answer.status;
    });
    expect(status).toBe(403);
  });
});

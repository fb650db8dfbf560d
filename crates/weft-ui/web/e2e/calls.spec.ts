/** Runs that called each other, and tasks that wait for events and runs. */
import { Api, expect, type Page, test, VIEWER } from "./test";

const main = (page: Page) => page.getByRole("main");
const ended = (page: Page) => main(page).getByText("Success", { exact: true }).first();
const panel = (page: Page) => page.getByRole("complementary", { name: "Selected task" });
const called = (page: Page) => page.getByRole("table", { name: "Called runs" });

interface Tree {
  runs: { id: string; dag: string; state: string; called_by?: { run: string; task: string; index: number } }[];
}

/** Triggers `month_end`, and waits until it has called its two runs. */
async function calling(api: Api): Promise<{ run: string; north: string; south: string }> {
  const run = await api.trigger("month_end");
  const tree = () => api.get<Tree>(`runs/${run}/tree`);
  await expect.poll(async () => (await tree()).runs.length).toBe(3);
  const id = async (index: number) => (await tree()).runs.find((r) => r.called_by?.index === index)?.id ?? "";
  return { run, north: await id(0), south: await id(1) };
}

/** Waits until the task of a run of `books` waits for its event. */
async function waiting(api: Api, run: string): Promise<void> {
  const instance = () => api.get<{ waits_for?: string }>(`runs/${run}/tasks/confirm/0`);
  await expect.poll(async () => (await instance()).waits_for).toBe("event/closed");
}

test("the tree of runs shows the states as they are, folds, and leads to callers", async ({ page, request }) => {
  const api = new Api(request);
  const root = await api.trigger("month_end", { calls: [{ kind: "defer", after_ms: 3_600_000, state: "later" }] });
  await page.goto(`/dags/month_end/runs/${root}/tree`);
  await expect(page.getByText("This run called no other run")).toBeVisible();

  const { run, north } = await calling(api);
  await page.goto(`/dags/month_end/runs/${run}/tree`);
  const rows = called(page).getByRole("row");
  await expect(rows).toHaveText([/Run of/, /month_end.*this run/, /books.*close \[0\]/, /books.*close \[1\]/]);
  await expect(called(page).getByRole("img", { name: "running" })).toHaveCount(3);

  await waiting(api, north);
  await api.send(north, "closed", { by: "ada" });
  await expect(rows.nth(2).getByRole("img", { name: "success" })).toBeVisible();
  await expect(page.getByText("3 runs, 2 have not ended")).toBeVisible();

  await page.getByRole("button", { name: "Runs that month_end called" }).click();
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText("2 runs below, 1 not ended");
  await page.reload();
  await expect(rows).toHaveCount(2);
  await page.getByRole("button", { name: "Runs that month_end called" }).click();

  await called(page).locator(`a[href*="${north}"]`).click();
  await expect(main(page)).toContainText("called by month_end");
  await called(page).getByRole("link", { name: "close [0]" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("close [0]");
});

test("a run that is called while one looks appears in the tree", async ({ page, request }) => {
  const api = new Api(request);
  const { run, north } = await calling(api);
  await page.goto(`/dags/month_end/runs/${run}/tree`);
  await expect(called(page).getByRole("row")).toHaveCount(4);
  await api.clear(run, "close");
  await expect(called(page).getByRole("row")).toHaveCount(6);
  await expect(called(page).locator(`a[href*="${north}"]`)).toBeVisible();
});

test("of a tree of 10,000 runs only the rows in view are drawn", async ({ page, request }) => {
  const run = await new Api(request).trigger("books");
  const root = { id: run, dag: "books", kind: "manual", state: "running", created: "2026-11-25T18:00:00Z" };
  const calls = Array.from({ length: 9_999 }, (_, index) => ({
    ...root,
    id: `z${String(index).padStart(12, "0")}`,
    kind: "called",
    state: index === 9_998 ? "failed" : "success",
    called_by: { run, task: "close", index },
  }));
  await page.route(`**/api/v1/runs/${run}/tree`, (route) =>
    route.fulfill({ json: { runs: [root, ...calls], truncated: true } }),
  );
  await page.goto(`/dags/books/runs/${run}/tree`);
  await expect(main(page)).toContainText("this tree has more than the 10,000 runs that are shown");
  const rows = called(page).locator("tbody tr");
  expect(await rows.count()).toBeLessThan(100);
  await page.locator(".body").evaluate((body) => {
    body.scrollTop = body.scrollHeight;
  });
  await expect(called(page).getByRole("link", { name: "close [9998]" })).toBeVisible();
  expect(await rows.count()).toBeLessThan(100);
  await page.getByRole("radio", { name: "Failed" }).click();
  await expect(rows).toHaveText([/books.*this run/, /close \[9998\]/]);
});

test("a task says what it waits for, and its event is sent", async ({ page, request }) => {
  const api = new Api(request);
  const { run, north } = await calling(api);
  await waiting(api, north);
  await page.goto(`/dags/month_end/runs/${run}/tasks/close/0/why`);
  await expect(main(page)).toContainText("It waits for the end of the run that it called: books");
  await main(page).locator(`a[href*="${north}"]`).first().click();

  await expect(main(page)).toContainText("It waits for the event closed.");
  await page.getByRole("button", { name: "confirm", exact: false }).first().click();
  await expect(panel(page)).toContainText("Since");
  await expect(panel(page)).toContainText("At the longest");
  await panel(page).getByRole("button", { name: "Send event…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Payload, in JSON").fill("{by: ada}");
  await expect(dialog).toContainText("This is no JSON");
  await expect(dialog.getByRole("button", { name: "Send the event" })).toBeDisabled();
  await dialog.getByLabel("Payload, in JSON").fill('{"by": "ada"}');
  await expect(dialog).toContainText(`wfctl runs send ${north} closed '{"by": "ada"}'`);
  await dialog.getByRole("button", { name: "Send the event" }).click();
  await expect(page.getByText("The event closed was sent: it wakes confirm")).toBeVisible();
  await expect(ended(page)).toBeVisible();
  const { items } = await api.get<{ items: { payload: unknown; taken_by?: object }[] }>(`runs/${north}/events/closed`);
  expect(items).toMatchObject([{ payload: { by: "ada" }, taken_by: { task: "confirm", index: 0 } }]);
});

test("a task that waits for a time is woken", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("books", { wait: { kind: "defer", after_ms: 3_600_000, state: "later" } });
  await page.goto(`/dags/books/runs/${run}/tasks/confirm/logs`);
  const beside = page.getByRole("complementary", { name: "This attempt" });
  await expect(beside).toContainText("It waits for a time.");
  await expect(beside.getByRole("button", { name: "Send event…" })).toHaveCount(0);
  await beside.getByRole("button", { name: "Wake…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Wake it" }).click();
  await expect(ended(page)).toBeVisible();
  await expect(beside).not.toContainText("What it waits for");
});

test("a run is cancelled with the runs that it called", async ({ page, request }) => {
  const api = new Api(request);
  const { run, north, south } = await calling(api);
  await page.goto(`/dags/month_end/runs/${run}/overview`);
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/Also cancel the runs that it called: 2 of 2 have not ended/).check();
  await expect(dialog).toContainText(`wfctl runs cancel ${run} --called`);
  await dialog.getByRole("button", { name: "Cancel the run" }).click();
  for (const id of [run, north, south])
    await expect.poll(async () => (await api.get<{ state: string }>(`runs/${id}`)).state).toBe("cancelled");

  // A run that called none has nothing more to cancel.
  const alone = await api.trigger("books");
  await page.goto(`/dags/books/runs/${alone}/overview`);
  await page.getByRole("button", { name: "Cancel…" }).click();
  await expect(dialog.getByRole("checkbox")).toHaveCount(0);
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("sees what a task waits for, and is offered no act", async ({ page, request }) => {
    const api = new Api(request);
    const run = await api.trigger("books");
    await waiting(api, run);
    await page.goto(`/dags/books/runs/${run}/overview?task=confirm`);
    await expect(panel(page)).toContainText("It waits for the event closed.");
    await expect(page.getByRole("button", { name: /^(Send event|Wake)/ })).toHaveCount(0);
  });
});

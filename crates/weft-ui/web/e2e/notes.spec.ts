/** Notes of runs and task instances: written, shown, changed, removed; text and nothing but text. */
import { violations } from "./axe";
import { Api, expect, type Page, test, VIEWER } from "./test";

// On a machine that compiles meanwhile a test takes most of a minute.
test.describe.configure({ timeout: 120_000 });

const dialog = (page: Page) => page.getByRole("dialog");
const note = (page: Page) => page.getByRole("region", { name: "Note" });
const HOSTILE = "<img src=x onerror=window.pwned=1>\n\u202Egnihton [x](javascript:alert(1))";

interface Noted {
  note?: { text: string; by: string } | null;
}

test("a note of a run is written, changed and removed", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("ledger");
  await page.goto(`/dags/ledger/runs/${run}/overview`);
  await page.getByRole("button", { name: "Note…" }).click();
  await expect(dialog(page).getByRole("heading", { name: "Note of the run" })).toBeVisible();
  await expect(dialog(page)).toContainText("0 of 4,096 bytes");
  await dialog(page).getByLabel("Note", { exact: true }).fill(HOSTILE);
  await expect(dialog(page)).toContainText(`wfctl runs note ${run}`);
  expect(await violations(page)).toEqual([]);
  await dialog(page).getByRole("button", { name: "Write", exact: true }).click();
  await expect(dialog(page)).toBeHidden();

  // As it was written, with nothing invisible and nothing made of it.
  await expect(note(page)).toContainText("<img src=x onerror=window.pwned=1>");
  await expect(note(page)).toContainText("\\u{202e}gnihton [x](javascript:alert(1))");
  await expect(note(page).locator("img, a")).toHaveCount(0);
  const { note: kept } = await api.get<Noted>(`runs/${run}`);
  expect(kept?.text).toBe(HOSTILE);
  await expect(note(page)).toContainText(kept?.by ?? "no author");
  await expect(note(page).getByRole("time")).toBeVisible();
  await page.goto("/runs?dag=ledger");
  await expect(page.getByRole("row").filter({ hasText: run })).toContainText("has a note");

  await page.goto(`/dags/ledger/runs/${run}/overview`);
  await note(page).getByRole("button", { name: "Edit note…" }).click();
  await dialog(page).getByLabel("Note", { exact: true }).fill("ä".repeat(2049));
  await expect(dialog(page)).toContainText("It has 4,098 bytes, and at most 4,096 are kept.");
  await dialog(page).getByLabel("Note", { exact: true }).fill("the source was late");
  await dialog(page).getByRole("button", { name: "Write", exact: true }).click();
  await expect(note(page)).toContainText("the source was late");
  await note(page).getByRole("button", { name: "Edit note…" }).click();
  await dialog(page).getByRole("button", { name: "Empty it" }).click();
  await expect(dialog(page)).toContainText("--remove");
  await dialog(page).getByRole("button", { name: "Remove", exact: true }).click();
  await expect(note(page)).toBeHidden();
  expect((await api.get<Noted>(`runs/${run}`)).note ?? null).toBeNull();
});

test("a note of a task instance is written with the keyboard, and seen on the run", async ({ page, request }) => {
  const api = new Api(request);
  const run = await api.trigger("ledger");
  await api.ended(run);
  await page.goto(`/dags/ledger/runs/${run}/tasks/load/2/logs`);
  await page.getByRole("button", { name: "Note…" }).focus();
  await page.keyboard.press("Enter");
  await expect(dialog(page).getByRole("heading", { name: "Note of load [2]" })).toBeVisible();
  await dialog(page).getByLabel("Note", { exact: true }).focus();
  await page.keyboard.type("known defect");
  await expect(dialog(page)).toContainText(`wfctl tasks note ${run} load 'known defect' --index 2`);
  await page.keyboard.press("Tab");
  await dialog(page).getByRole("button", { name: "Write", exact: true }).focus();
  await page.keyboard.press("Enter");
  await expect(note(page)).toContainText("known defect");
  expect((await api.get<Noted>(`runs/${run}/tasks/load/2`)).note?.text).toBe("known defect");
  await page.goto(`/dags/ledger/runs/${run}/overview?task=load`);
  await expect(page.getByRole("complementary")).toContainText("has a note");
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("reads notes and writes none", async ({ page, request }) => {
    const api = new Api(request);
    const run = await api.trigger("ledger");
    await api.note(run, "read this");
    await page.goto(`/dags/ledger/runs/${run}/overview`);
    await expect(note(page)).toContainText("read this");
    await expect(page.getByRole("button", { name: /note…/i })).toHaveCount(0);
    const status = await page.evaluate(async (id) => {
      const answer = await fetch(`/api/v1/runs/${id}/note`, {
        method: "PUT",
        headers: { "weft-ui": "1", "content-type": "application/json" },
        body: '{"text": "x"}',
      });
      return answer.status;
    }, run);
    expect(status).toBe(403);
  });
});

/** The keyboard alone. */
import { DAGS } from "./dags";
import { Api, expect, test } from "./test";

test("the palette finds a DAG and opens it", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Home", level: 1 })).toBeVisible();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search and commands" })).toBeFocused();
  await page.keyboard.type("nightly");
  await expect(page.getByRole("option", { selected: true })).toContainText("nightly_stock");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/dags\/nightly_stock\/grid/);
});

test("places are two keys away, rows one", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Home", level: 1 })).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page).toHaveURL(/\/dags$/);
  await expect(page.getByRole("row")).toHaveCount(DAGS.length + 1);
  const sorted = DAGS.map((dag) => dag.id).sort();
  const row = sorted.indexOf("nightly_stock");
  for (let at = 0; at <= row; at++) await page.keyboard.press("j");
  await expect(page.getByRole("link", { name: "nightly_stock", exact: true })).toBeFocused();
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/dags/${sorted[row - 1]}/grid`));
});

test("in a run j, f, l and the brackets move, and fields keep their keys", async ({ page, request }) => {
  const run = await new Api(request).newest("nightly_stock", "failed");
  await page.goto(`/dags/nightly_stock/runs/${run}/overview`);
  await expect(page.getByRole("region", { name: "Tasks" })).toContainText("check");
  await page.keyboard.press("j");
  await expect(page).toHaveURL(/task=list_stores/);
  await page.keyboard.press("f");
  await expect(page).toHaveURL(/task=check/);
  await page.keyboard.press("l");
  await expect(page).toHaveURL(/tasks\/check\/logs/);
  await expect(page.getByRole("log")).toContainText("price jumps");
  await page.keyboard.press("/");
  await page.keyboard.type("rf?l");
  await expect(page.getByLabel("Search, or /pattern/")).toHaveValue("rf?l");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("single keys can be switched off", async ({ page }) => {
  await page.goto("/dags");
  await expect(page.getByRole("row")).toHaveCount(DAGS.length + 1);
  await page.keyboard.press("?");
  await page.getByRole("switch", { name: "Single keys" }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("g");
  await page.keyboard.press("h");
  await expect(page).toHaveURL(/\/dags$/);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search and commands" })).toBeFocused();
});

test("the content is reached past the navigation", async ({ page }) => {
  await page.goto("/dags");
  await expect(page.getByRole("row")).toHaveCount(DAGS.length + 1);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "To the content" })).toBeFocused();
});

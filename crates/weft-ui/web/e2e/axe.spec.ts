/** Axe finds nothing on any page, in both themes. */
import AxeBuilder from "@axe-core/playwright";
import { Api, expect, test } from "./test";

const PAGES = [
  "/",
  "/dags",
  "/runs",
  "/backfills",
  "/fleet",
  ...["variables", "connections", "pools", "policy", "tokens", "tenants", "audit"].map((t) => `/admin/${t}`),
  ...["grid", "graph", "gantt", "calendar", "durations", "schedule", "code", "settings", "trigger"].map(
    (t) => `/dags/nightly_stock/${t}`,
  ),
  "/dags/nightly_stock/grid?as=table",
];
const OF_RUN = [
  "overview",
  "overview?task=check",
  "events",
  "params",
  "compare",
  "tasks/check/logs",
  "tasks/extract.land/io",
  "tasks/check/limits",
  "tasks/publish/why",
  "tasks/extract.fetch_store/1/logs",
];

for (const theme of ["light", "dark"] as const) {
  test.describe(theme, () => {
    test.use({ colorScheme: theme });
    test(`pages have nothing that axe finds (${theme})`, async ({ page, request }) => {
      test.setTimeout(120_000);
      const run = await new Api(request).newest("nightly_stock", "failed");
      const found: string[] = [];
      for (const path of [...PAGES, ...OF_RUN.map((p) => `/dags/nightly_stock/runs/${run}/${p}`)]) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const v of violations) found.push(`${path}: ${v.id} ${v.nodes[0]?.html.slice(0, 160)}`);
      }
      expect(found).toEqual([]);
    });
  });
}

test("dialogs and the palette have nothing that axe finds", async ({ page }) => {
  await page.goto("/dags/nightly_stock/grid");
  await expect(page.getByRole("grid")).toBeVisible();
  const found: string[] = [];
  const look = async (what: string) => {
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const v of violations) found.push(`${what}: ${v.id} ${v.nodes[0]?.html.slice(0, 160)}`);
  };
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Search and commands" })).toBeFocused();
  await look("palette");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await look("keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("f");
  await page.keyboard.press("r");
  await expect(page.getByRole("dialog")).toBeVisible();
  await look("clear");
  expect(found).toEqual([]);
});

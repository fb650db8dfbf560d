/** Axe finds nothing on any page, in both themes. */
import AxeBuilder from "@axe-core/playwright";
import { Api, expect, test } from "./test";

const PAGES: Record<string, string[]> = {
  installation: ["/", "/dags", "/runs", "/backfills", "/fleet"],
  admin: ["variables", "connections", "pools", "policy", "tokens", "tenants", "audit"].map((t) => `/admin/${t}`),
  dag: ["grid", "graph", "gantt", "calendar", "grid?as=table"].map((t) => `/dags/nightly_stock/${t}`),
  "dag's text": ["durations", "schedule", "code", "settings", "trigger"].map((t) => `/dags/nightly_stock/${t}`),
  run: ["overview", "overview?task=check", "events", "params", "compare"].map((t) => `RUN/${t}`),
  task: ["check/logs", "extract.land/io", "check/limits", "publish/why", "extract.fetch_store/1/logs"].map(
    (t) => `RUN/tasks/${t}`,
  ),
};

for (const theme of ["light", "dark"] as const) {
  test.describe(theme, () => {
    test.use({ colorScheme: theme });
    for (const [name, paths] of Object.entries(PAGES)) {
      test(`axe finds nothing: ${name}, ${theme}`, async ({ page, request }) => {
        test.setTimeout(60_000);
        const run = await new Api(request).newest("nightly_stock", "failed");
        const found: string[] = [];
        for (const path of paths) {
          await page.goto(path.replace("RUN", `/dags/nightly_stock/runs/${run}`));
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
          const axe = new AxeBuilder({ page });
          // The elements are the same in both themes, the colours are not.
          if (theme === "dark") axe.withRules(["color-contrast"]);
          const { violations } = await axe.analyze();
          for (const v of violations) found.push(`${path}: ${v.id} ${v.nodes[0]?.html.slice(0, 160)}`);
        }
        expect(found).toEqual([]);
      });
    }
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

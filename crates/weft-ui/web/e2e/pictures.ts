/**
 * Draws the views at three widths in both themes, to `pictures/`; those of the documentation to `docs/images/ui`.
 */
import { fileURLToPath } from "node:url";
import { Api, expect, test } from "./test";

const DOCS = fileURLToPath(new URL("../../../../docs/images/ui/", import.meta.url));
/** The pictures that the documentation shows. */
const SHOWN = new Set(["home-light", "grid-dark", "run-light", "logs-dark", "outputs-light", "trigger-light"]);

const SIZES = [
  { width: 1440, height: 900 },
  { width: 768, height: 1024 },
  { width: 360, height: 780 },
];

for (const theme of ["light", "dark"] as const) {
  for (const size of SIZES) {
    test.describe(`${theme} ${size.width}`, () => {
      test.use({ colorScheme: theme, viewport: size });
      test(`pictures, ${theme}, ${size.width}`, async ({ page, request }) => {
        const run = await new Api(request).newest("nightly_stock", "failed");
        const of = `/dags/nightly_stock/runs/${run}`;
        const views: Record<string, string> = {
          home: "/",
          dags: "/dags",
          runs: "/runs",
          grid: `/dags/nightly_stock/grid?task=check&run=${run}`,
          graph: "/dags/nightly_stock/graph",
          durations: "/dags/nightly_stock/durations",
          run: `${of}/overview`,
          logs: `${of}/tasks/check/logs`,
          outputs: `${of}/tasks/extract.land/io`,
          trigger: "/dags/nightly_stock/trigger",
          fleet: "/fleet",
          tokens: "/admin/tokens",
        };
        for (const [name, path] of Object.entries(views)) {
          await page.goto(path);
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
          await page.screenshot({ path: `pictures/${name}-${theme}-${size.width}.png` });
          if (size.width === 1440 && SHOWN.has(`${name}-${theme}`))
            await page.screenshot({ path: `${DOCS}${name}.png` });
        }
      });
    });
  }
}

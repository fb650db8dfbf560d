/**
 * Draws the views at four widths in both themes, and with forced colours, to `pictures/`; those of the documentation to `docs/images/ui`.
 */
import { fileURLToPath } from "node:url";
import { prepare } from "./pictured";
import { Api, expect, type Page, test } from "./test";

const DOCS = fileURLToPath(new URL("../../../../docs/images/ui/", import.meta.url));
/** The pictures that the documentation shows. */
const SHOWN = new Set([
  "home-light",
  "grid-dark",
  "run-light",
  "logs-dark",
  "outputs-light",
  "trigger-light",
  "clear-light",
  "bulk-dark",
  "approvals-light",
  "asset-light",
  "notifications-light",
  "webhooks-light",
]);

/** What is done on a page before its picture. */
const STEPS: Record<string, (page: Page) => Promise<void>> = {
  clear: async (page) => {
    await page.getByRole("button", { name: /^Clear failed/ }).click();
    await page.getByLabel("Earlier dates too").check();
    await expect(page.getByText("This run")).toBeVisible();
  },
  bulk: async (page) => {
    await page.getByRole("button", { name: "Choose", exact: true }).click();
    await page.getByRole("button", { name: "All that match the filter" }).click();
    await page.getByRole("button", { name: "Retry failed…" }).click();
    await expect(page.getByRole("dialog")).toContainText("Dry run:");
    await page.getByRole("dialog").locator("summary").first().click();
  },
  approvals: async (page) => {
    await page.getByRole("list", { name: "Approvals" }).getByRole("button").first().click();
    await expect(page.getByRole("dialog")).toBeVisible();
  },
};

const SIZES = [
  { width: 1440, height: 900 },
  { width: 768, height: 1024 },
  { width: 360, height: 780 },
  { width: 3840, height: 2160 },
];

/** Forced colours are the system's, on a dark ground in Chromium's dark scheme. */
const THEMES = [
  { theme: "light", colorScheme: "light", forcedColors: "none" },
  { theme: "dark", colorScheme: "dark", forcedColors: "none" },
  { theme: "forced", colorScheme: "dark", forcedColors: "active" },
] as const;

for (const { theme, colorScheme, forcedColors } of THEMES) {
  for (const size of SIZES) {
    test.describe(`${theme} ${size.width}`, () => {
      test.use({ colorScheme, viewport: size, contextOptions: { forcedColors } });
      test(`pictures, ${theme}, ${size.width}`, async ({ page, request }) => {
        const api = new Api(request);
        await prepare(api);
        const run = await api.newest("nightly_stock", "failed");
        const of = `/dags/nightly_stock/runs/${run}`;
        const views: Record<string, string> = {
          home: "/",
          dags: "/dags",
          runs: "/runs",
          assets: "/assets",
          asset: "/assets/show?asset=s3%3A%2F%2Flake%2Forders",
          bulk: "/runs?dag=nightly_stock&state=failed",
          grid: `/dags/nightly_stock/grid?task=check&run=${run}`,
          graph: "/dags/nightly_stock/graph",
          durations: "/dags/nightly_stock/durations",
          gantt: "/dags/nightly_stock/gantt",
          calendar: "/dags/nightly_stock/calendar",
          schedule: "/dags/nightly_stock/schedule",
          code: "/dags/nightly_stock/code",
          settings: "/dags/nightly_stock/settings",
          run: `${of}/overview`,
          clear: `${of}/overview`,
          logs: `${of}/tasks/check/logs`,
          outputs: `${of}/tasks/extract.land/io`,
          limits: `${of}/tasks/check/limits`,
          why: `${of}/tasks/check/why`,
          events: `${of}/events`,
          params: `${of}/params`,
          compare: `${of}/compare`,
          approvals: "/approvals?dag=releases",
          backfills: "/backfills",
          notifications: "/admin/notifications",
          webhooks: "/dags/nightly_stock/webhooks",
          policy: "/admin/policy",
          trigger: "/dags/nightly_stock/trigger",
          fleet: "/fleet",
          tokens: "/admin/tokens",
        };
        for (const [name, path] of Object.entries(views)) {
          await page.goto(path);
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
          await STEPS[name]?.(page);
          await page.screenshot({ path: `pictures/${name}-${theme}-${size.width}.png` });
          if (size.width === 1440 && SHOWN.has(`${name}-${theme}`))
            await page.screenshot({ path: `${DOCS}${name}.png` });
        }
      });
    });
  }
}

/** With an installation of its own: the first visit, and a server that ends and starts again while one looks. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as bare, expect } from "@playwright/test";
import { address } from "./setup";
import { complaints } from "./test";

const WFCTL = process.env.WFCTL ?? "wfctl";

class Installation {
  readonly folder = mkdtempSync(join(tmpdir(), "weft-ui-alone-"));
  private server: ChildProcess | undefined;
  url = "";

  async start(listen = "127.0.0.1:0"): Promise<void> {
    const server = spawn(WFCTL, ["up", "--data", join(this.folder, "data"), "--listen", listen, "--slots", "8"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, WEFT_DATA_DIR: this.folder },
    });
    this.server = server;
    this.url = await address(server.stderr);
  }

  async end(): Promise<void> {
    const { server } = this;
    if (!server || server.exitCode !== null) return;
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await gone;
  }

  token(): string {
    return readFileSync(join(this.folder, "data", "admin.token"), "utf8").trim();
  }
}

bare(
  "an example is deployed by one click, the tour walks through it, and a restart blanks nothing",
  async ({ page }) => {
    bare.setTimeout(90_000);
    const installation = new Installation();
    try {
      await installation.start();
      const found = complaints(page);
      await page.goto(`${installation.url}/`);
      await page.getByLabel("Token").fill(installation.token());
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByRole("heading", { name: "No DAGs yet" })).toBeVisible();
      await page.getByRole("button", { name: "Deploy the example and run it" }).click();
      await expect(page).toHaveURL(/first_steps\/runs\/.*\/overview/);
      const tour = page.getByRole("complementary", { name: "Tour" });
      await expect(tour).toContainText("1 of 4");
      const tasks = page.getByRole("region", { name: "Tasks" });
      await expect(tasks.getByRole("img", { name: "success" })).toHaveCount(6, { timeout: 30_000 });
      for (const [step, place] of [
        ["2 of 4", /\/grid/],
        ["3 of 4", /list_stores\/logs/],
        ["4 of 4", /\/dags$/],
      ] as const) {
        await tour.getByRole("button", { name: "Next" }).click();
        await expect(tour).toContainText(step);
        await expect(page).toHaveURL(place);
      }
      await tour.getByRole("button", { name: "Close" }).click();
      await expect(tour).toBeHidden();

      // The server ends: what was seen stays, and says of when it is.
      await page.getByRole("link", { name: "first_steps", exact: true }).click();
      const grid = page.getByRole("grid");
      await expect(grid).toBeVisible();
      await page.evaluate(() => {
        const seen = { blank: 0 };
        (window as { seen?: { blank: number } }).seen = seen;
        new MutationObserver(() => {
          if (!document.querySelector('[role="grid"]')) seen.blank += 1;
        }).observe(document.body, { childList: true, subtree: true });
      });
      const before = Number(await grid.getAttribute("aria-colcount"));
      await installation.end();
      await expect(page.getByText(/the connection is lost/)).toBeVisible({ timeout: 15_000 });
      await expect(grid).toBeVisible();
      await installation.start(new URL(installation.url).host);
      const run = await page.request.post(`${installation.url}/api/v1/dags/first_steps/runs`, {
        headers: { authorization: `Bearer ${installation.token()}` },
        data: {},
      });
      expect(run.ok(), await run.text()).toBe(true);
      await expect
        .poll(async () => Number(await grid.getAttribute("aria-colcount")), { timeout: 20_000 })
        .toBe(before + 1);
      await expect(page.getByText(/the connection is lost/)).toBeHidden();
      expect(await page.evaluate(() => (window as { seen?: { blank: number } }).seen?.blank)).toBe(0);
      expect(found).toEqual([]);
    } finally {
      await installation.end();
      rmSync(installation.folder, { recursive: true, force: true });
    }
  },
);

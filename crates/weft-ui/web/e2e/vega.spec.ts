/** Vega-Lite charts of outputs: drawn in a frame that has no origin, no network and no script but ours. */
import type { Page } from "@playwright/test";
import { Api, expect, test } from "./test";

/**
 * Every request from now on, but those for our own assets, and the page's for the list of DAGs, which other tests' runs
 * change.
 */
function requests(page: Page): string[] {
  const out: string[] = [];
  page.on("request", (request) => {
    const list = request.frame() === page.mainFrame() && /\/api\/v1\/dags\?recent=/.test(request.url());
    if (!list && !/\/assets\/[\w.-]+$/.test(request.url())) out.push(request.url());
  });
  return out;
}

const chart = (page: Page) => page.frameLocator("iframe.vega").locator("canvas");

for (const task of ["bars", "typed"]) {
  test(`a chart is drawn: ${task}`, async ({ page, request }) => {
    const run = await new Api(request).newest("charts", "success");
    await page.goto(`/dags/charts/runs/${run}/tasks/${task}/io`);
    await expect(chart(page)).toBeVisible();
    const size = await chart(page).evaluate((canvas: HTMLCanvasElement) => [canvas.width, canvas.height]);
    expect(Math.min(...size)).toBeGreaterThan(100);
    await page.getByRole("radio", { name: "Tree" }).first().click();
    await expect(page.locator("iframe.vega")).toHaveCount(0);
  });
}

for (const task of ["hostile", "images"]) {
  test(`a hostile chart loads nothing and runs nothing: ${task}`, async ({ page, request }) => {
    const run = await new Api(request).newest("charts", "success");
    await page.goto(`/dags/charts/runs/${run}/tasks/${task}/io`);
    await expect(page.getByText(/names data to load|can't be drawn/)).toBeVisible();
    const made = requests(page);
    await page.getByRole("radio", { name: "Tree" }).first().click();
    await page.getByRole("radio", { name: "Chart" }).first().click();
    await expect(page.getByText(/names data to load|can't be drawn/)).toBeVisible();
    const box = await page.locator("iframe.vega").boundingBox();
    if (box && box.height > 40) await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    expect(made).toEqual([]);
    expect(new URL(page.url()).pathname).toContain(`/tasks/${task}/io`);
    // Whatever ran in the frame could not reach the page around it, nor load anything: its only source is its own script.
    const frame = page.frames().find((one) => one !== page.mainFrame());
    const [origin, around, policy] = (await frame?.evaluate(() => {
      let around = "";
      try {
        around = parent.document.title;
      } catch (error) {
        around = (error as Error).name;
      }
      return [self.origin, around, document.querySelector("meta[http-equiv]")?.getAttribute("content") ?? ""];
    })) ?? ["", "", ""];
    expect([origin, around]).toEqual(["null", "SecurityError"]);
    expect(policy).toMatch(/^default-src 'none'; script-src http:\/\/[\w.:]+\/assets\/vega-frame-[\w-]+\.js$/);
  });
}

test("a page without charts loads nothing of them", async ({ page, request }) => {
  const run = await new Api(request).newest("nightly_stock", "success");
  const vega: string[] = [];
  page.on("request", (one) => {
    if (/vega/.test(one.url())) vega.push(one.url());
  });
  await page.goto(`/dags/nightly_stock/runs/${run}/tasks/extract.land/io`);
  await expect(page.getByRole("radio", { name: "Tree" }).first()).toBeVisible();
  expect(vega).toEqual([]);
});

/** Long logs: read by line, searched by the server, scrolled to their last line. */
import { Api, expect, type Page, test } from "./test";

const log = (page: Page) => page.getByRole("log");
const search = (page: Page) => page.getByLabel("Search, or /pattern/");

async function open(page: Page, api: Api, more = ""): Promise<void> {
  const run = await api.newest("big", "success");
  await page.goto(`/dags/big/runs/${run}/tasks/print/logs${more}`);
}

test("a long log is read by pages, and any line is reached", async ({ page, request }) => {
  const reads: string[] = [];
  page.on("request", (r) => r.url().includes("/logs?") && reads.push(r.url()));
  await open(page, new Api(request));
  await expect(log(page)).toContainText("the end");
  await page.keyboard.press("Tab");
  await log(page).focus();
  await page.keyboard.press("Home");
  await expect(log(page).locator(".l .no").first()).toHaveText("1");
  await open(page, new Api(request), "#L12345");
  await expect(page.locator(".l.sel")).toContainText("line 12345");
  // Not the whole log twice: its 19,002 lines are 39 pages. Some are read once more where the page scrolls in several steps.
  expect(reads.length).toBeLessThan(20);
});

test("the server finds all hits and counts levels, and hits are walked", async ({ page, request }) => {
  await open(page, new Api(request));
  await expect(page.getByRole("button", { name: "error 1", exact: true })).toBeVisible();
  await search(page).fill("line 1");
  await expect(page.getByText("1 of 10,112")).toBeVisible();
  await search(page).fill("/ 1(8999|234)$/");
  await expect(page.getByText("1 of 2")).toBeVisible();
  await search(page).press("Enter");
  await expect(page.locator("mark.on")).toHaveText(" 1234");
  await search(page).press("Enter");
  await expect(page.locator("mark.on")).toHaveText(" 18999");
  await search(page).fill("");
  await page.getByRole("button", { name: /^info/ }).click();
  await expect(log(page).locator(".l")).toHaveCount(1);
  await expect(log(page)).toContainText("the last but one");
});

test("lines that are not drawn are copied, and the download has all", async ({ page, request, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, new Api(request), "#L100-L4099");
  await expect(page.locator(".l.sel").first()).toContainText("line 100");
  await page.getByRole("button", { name: "Copy 4,000 lines" }).click();
  await expect(page.getByText("4,000 lines copied")).toBeVisible();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text.trim().split("\n")).toHaveLength(4000);
  expect(text).toContain("line 4099\n");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/print-0-1\.log$/);
});

/** Tasks may not print a million lines, so that the answers are made up: what is tested is the view. */
async function million(page: Page): Promise<number[]> {
  const asked: number[] = [];
  const line = (n: number) => ({
    at: "2026-11-25T06:00:00Z",
    source: "stderr",
    message: `line ${n + 1} ${"wide ".repeat(n % 7 === 0 ? 200 : 1)}`,
  });
  await page.route(/api\/v1\/.*\/logs\?/, (route) => {
    const query = new URL(route.request().url()).searchParams;
    const first = Number(query.get("from_line") ?? 0);
    const lines = Math.min(Number(query.get("lines") ?? 50), 1_000_000 - first);
    asked.push(first);
    return route.fulfill({
      json: {
        attempt: 1,
        first,
        total: 1_000_000,
        incomplete: false,
        lines: Array.from({ length: Math.max(0, lines) }, (_, i) => line(first + i)),
      },
    });
  });
  await page.route(/api\/v1\/.*\/logs\/search\?/, (route) =>
    route.fulfill({
      json: {
        attempt: 1,
        total: 1_000_000,
        lines: 1_000_000,
        next: 1_000_000,
        complete: true,
        sources: {},
        levels: { info: 1_000_000 },
        hits: [],
        positions: [0, ...new Array<number>(999_999).fill(1)],
      },
    }),
  );
  return asked;
}

for (const wrap of ["", "?wrap=1"]) {
  test(`the last of a million lines is reached${wrap ? ", wrapped" : ""}`, async ({ page, request }) => {
    const asked = await million(page);
    await open(page, new Api(request), wrap);
    await expect(log(page)).toContainText("line 1000000 ");
    const last = log(page).locator(".l").last();
    await expect(last).toBeInViewport({ ratio: 0.9 });
    await log(page).focus();
    await page.keyboard.press("Home");
    await expect(log(page)).toContainText("line 1 wide");
    // By key and by wheel one line after the other, though the bar has fewer pixels than the log has lines.
    await page.keyboard.press("ArrowDown");
    await expect(log(page).locator(".l .no").first()).toHaveText("3");
    await page.keyboard.press("End");
    await expect(last).toContainText("line 1000000 ");
    await expect(last).toBeInViewport({ ratio: 0.9 });
    await search(page).fill("line");
    await expect(page.getByText("1 of 1,000,000")).toBeVisible();
    await search(page).press("Shift+Enter");
    await expect(page.locator("mark.on")).toBeVisible();
    await expect(log(page)).toContainText("line 1000000 ");
    await page.goto(`${page.url().replace(/[?#].*/, "")}${wrap}#L500000`);
    await expect(page.locator(".l.sel")).toContainText("line 500000 ");
    // Not the whole log: it is 2,000 pages.
    expect(asked.length).toBeLessThan(40);
  });
}

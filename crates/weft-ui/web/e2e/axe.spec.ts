/** Axe finds nothing on any page, in both themes. */
import { violations } from "./axe";
import { Api, expect, type Page, test } from "./test";

const PAGES: Record<string, string[]> = {
  installation: [
    "/",
    "/dags",
    "/runs",
    "/assets",
    "/assets/show?asset=s3://lake/orders",
    "/approvals",
    "/backfills",
    "/fleet",
  ],
  admin: ["variables", "connections", "pools", "notifications", "policy", "tokens", "tenants", "audit"].map(
    (t) => `/admin/${t}`,
  ),
  dag: ["grid", "graph", "gantt", "calendar", "grid?as=table"].map((t) => `/dags/nightly_stock/${t}`),
  "dag's text": ["durations", "schedule", "webhooks", "code", "settings", "trigger"].map(
    (t) => `/dags/nightly_stock/${t}`,
  ),
  run: ["overview", "overview?task=check", "events", "assets", "params", "compare"].map((t) => `RUN/${t}`),
  task: ["check/logs", "extract.land/io", "check/limits", "publish/why", "extract.fetch_store/1/logs"].map(
    (t) => `RUN/tasks/${t}`,
  ),
};

const background = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor);

for (const [name, paths] of Object.entries(PAGES)) {
  test(`axe finds nothing: ${name}`, async ({ page, request }) => {
    // Seconds on a machine of its own, minutes on one that compiles meanwhile.
    test.setTimeout(240_000);
    const run = await new Api(request).newest("nightly_stock", "failed");
    const found: string[] = [];
    for (const path of paths) {
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
      await page.goto(path.replace("RUN", `/dags/nightly_stock/runs/${run}`));
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
      for (const v of await violations(page)) found.push(`${path}, light: ${v}`);
      // The elements are the same in both themes, the colours are not.
      const light = await background(page);
      await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
      await expect.poll(() => background(page)).not.toBe(light);
      for (const v of await violations(page, ["color-contrast"])) found.push(`${path}, dark: ${v}`);
    }
    expect(found).toEqual([]);
  });
}

test("dialogs and the palette have nothing that axe finds", async ({ page }) => {
  test.setTimeout(240_000);
  await page.goto("/dags/nightly_stock/grid");
  await expect(page.getByRole("grid")).toBeVisible();
  const found: string[] = [];
  const look = async (what: string) => {
    for (const v of await violations(page)) found.push(`${what}: ${v}`);
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
  await page.keyboard.press("Escape");
  await page.goto("/admin/notifications");
  await page.getByRole("button", { name: "Add destination…" }).click();
  for (const kind of ["Slack", "PagerDuty", "E-mail", "Webhook"]) {
    await page.getByRole("radio", { name: kind }).click();
    await look(`destination, ${kind}`);
  }
  await page.getByText("Folding and templates").click();
  await page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("dialog")).toContainText("needs a name");
  await look("destination, refused");
  await page.goto("/dags/nightly_stock/webhooks");
  await page.getByRole("button", { name: "Add webhook…" }).click();
  await page.getByLabel("Where code comes from").selectOption("pointer");
  await page.getByLabel("JSON Pointer of code").fill("code");
  await look("webhook, refused");
  expect(found).toEqual([]);
});

/** How each dialog of an operation is opened. */
const DIALOGS: Record<string, { path: string; open: (page: Page) => Promise<void> }> = {
  clear: {
    path: "RUN/overview",
    open: async (page) => {
      await page.getByRole("button", { name: /^Clear failed/ }).click();
      await page.getByLabel("Earlier dates too").check();
      await expect(page.getByText("This run")).toBeVisible();
    },
  },
  "clear, a wrong index": {
    path: "RUN/tasks/extract.fetch_store/1/logs",
    open: async (page) => {
      await page.getByRole("button", { name: /^Clear/ }).click();
      await page.getByLabel("Map indexes").fill("x");
    },
  },
  note: { path: "RUN/overview", open: (page) => page.getByRole("button", { name: "Note…" }).click() },
  "retry runs": { path: "/runs?dag=nightly_stock", open: (page) => act(page, "Retry failed…") },
  "cancel runs": { path: "/runs?dag=nightly_stock", open: (page) => act(page, "Cancel…") },
  "clear runs": { path: "/runs?dag=nightly_stock", open: (page) => act(page, "Clear…") },
  "mark runs": { path: "/runs?dag=nightly_stock", open: (page) => act(page, "Mark…") },
  "report of an update": {
    path: "/assets/show?asset=s3://lake/orders",
    open: async (page) => {
      await page.getByRole("button", { name: "Report an update…" }).click();
      await page.getByLabel(/^Metadata/).fill("{");
      await page.getByRole("button", { name: "Report", exact: true }).click();
      await page.getByLabel(/^Metadata/).fill("{}");
      await page.getByText("As a command").click();
    },
  },
  pause: {
    path: "/dags/nightly_stock/grid",
    open: async (page) => {
      await page.getByRole("button", { name: "Pause…" }).click();
      await page.getByLabel("Hold its running runs as well").check();
    },
  },
  "trigger several": {
    path: "/dags",
    open: async (page) => {
      await page.getByRole("checkbox", { name: "Select nightly_stock" }).check();
      await page.getByRole("button", { name: "Trigger…", exact: true }).click();
    },
  },
};

async function act(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Choose", exact: true }).click();
  await page.getByRole("button", { name: "All that match the filter" }).click();
  await page.getByRole("toolbar", { name: "Chosen runs" }).getByRole("button", { name }).click();
}

for (const [name, { path, open }] of Object.entries(DIALOGS)) {
  test(`axe finds nothing in a dialog: ${name}`, async ({ page, request }) => {
    test.setTimeout(240_000);
    const run = await new Api(request).newest("nightly_stock", "failed");
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.goto(path.replace("RUN", `/dags/nightly_stock/runs/${run}`));
    await open(page);
    await expect(page.getByRole("dialog")).toBeVisible();
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    expect(await violations(page)).toEqual([]);
    const light = await background(page);
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await expect.poll(() => background(page)).not.toBe(light);
    expect(await violations(page, ["color-contrast"])).toEqual([]);
  });
}

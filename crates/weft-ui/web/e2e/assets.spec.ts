/** Assets: the list, one with its lineage and updates, reports, what a run was created by and updated. */
import { violations } from "./axe";
import { Api, expect, type Page, test, VIEWER } from "./test";

// On a machine that compiles meanwhile a test takes most of a minute.
test.describe.configure({ timeout: 120_000 });

const main = (page: Page) => page.getByRole("main");
const dialog = (page: Page) => page.getByRole("dialog");
const list = (page: Page, name: string) => page.getByRole("list", { name, exact: true });
const show = (asset: string) => `/assets/show?asset=${encodeURIComponent(asset)}`;

interface Update {
  partition?: string;
  metadata?: object;
  created?: { run: string; dag: string }[];
  made_by?: { run: string };
}
const updates = async (api: Api, asset: string) =>
  (await api.get<{ items: Update[] }>(`assets/updates?asset=${encodeURIComponent(asset)}`)).items;

/** Triggers `load_orders`, and waits until its update has created a run of `orders_report`. */
async function loaded(api: Api, update?: object): Promise<{ run: string; created: string }> {
  const run = await api.trigger("load_orders", update ? { update } : {});
  const mine = async () => (await updates(api, "s3://lake/orders")).find((up) => up.made_by?.run === run);
  await expect.poll(async () => (await mine())?.created?.length ?? 0).toBeGreaterThan(0);
  const created = (await mine())?.created?.[0]?.run ?? "";
  await api.ended(created);
  return { run, created };
}

test("the list is filtered, and leads to an asset whose name has slashes", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Assets" }).click();
  await expect(page.getByRole("heading", { name: "Assets", level: 1 })).toBeVisible();
  await expect(page.getByRole("link", { name: "orders/report" })).toBeVisible();
  await page.getByRole("searchbox").fill("load_orders lake");
  await expect(page.getByRole("row")).toHaveText([/Asset/, /s3:\/\/lake\/orders.*load_orders \/ load.*orders_report/]);
  await expect(page).toHaveURL(/q=load_orders/);
  await page.getByRole("searchbox").fill("no such asset");
  await page.getByRole("button", { name: /^Show all/ }).click();
  await page.getByRole("link", { name: "s3://lake/orders" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("s3://lake/orders");
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("s3://lake/orders");

  // The lineage leads to both of its sides.
  await list(page, "DAGs whose runs it creates").getByRole("link", { name: "orders_report" }).click();
  await expect(main(page)).toContainText(
    "A run is created when s3://lake/orders is updated or (rates is updated and targets is updated).",
  );
  await main(page).getByRole("link", { name: "rates" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("rates");
  await expect(main(page)).toContainText("No task of an active version: its updates are reported.");
});

test("the palette finds assets", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Home", level: 1 })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search and commands" }).fill("lake/ord");
  await expect(page.getByRole("option", { name: /s3:\/\/lake\/orders/ })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("s3://lake/orders");
});

test("an update that a task makes appears, with who made it and the run that it created", async ({ page, request }) => {
  const api = new Api(request);
  await page.goto(show("s3://lake/orders"));
  await expect(page.getByRole("heading", { name: "Updates" })).toBeVisible();
  const { run, created } = await loaded(api);
  const item = list(page, "Updates").getByRole("listitem").filter({ hasText: run });
  await expect(item).toContainText("2026-11-26");
  await expect(item).toContainText("rows: 3");
  await expect(item).toContainText(`load in run ${run} of load_orders, version 1`);
  await item.getByRole("link", { name: created }).click();

  // The run that it created names it, and what it updated itself.
  await page.getByRole("link", { name: "created by assets" }).click();
  await expect(list(page, "Created by").getByRole("listitem")).toContainText(["s3://lake/orders"]);
  await expect(list(page, "Created by")).toContainText(run);
  await expect(list(page, "Updated assets")).toContainText("orders/report");
  await list(page, "Created by").getByRole("link", { name: run }).click();

  // The run that updated it names both of its outlets, and the run that this created.
  await page.getByRole("navigation", { name: "Run" }).getByRole("link", { name: "Assets" }).click();
  await expect(list(page, "Updated assets").getByRole("listitem")).toHaveCount(2);
  await expect(list(page, "Updated assets")).toContainText(`${created} of orders_report`);
  await expect(main(page)).not.toContainText("Created by");
  await expect(list(page, "Updated assets").getByRole("link", { name: "stock" })).toBeVisible();

  await page.goto("/runs?kind=assets&dag=orders_report");
  await expect(page.getByLabel("Kind")).toHaveValue("assets");
  await expect(page.locator(`a[href*="${created}"]`).first()).toBeVisible();
  await expect(page.getByRole("row").nth(1)).toContainText("created by assets");
});

test("an update is reported, and creates a run", async ({ page, request }) => {
  const api = new Api(request);
  await page.goto(show("s3://lake/orders"));
  await page.getByRole("button", { name: "Report an update…" }).click();
  const partition = `north ${Date.now()}`;
  await dialog(page).getByLabel("Partition").fill(partition);
  await dialog(page)
    .getByLabel(/^Metadata/)
    .fill("[1]");
  await dialog(page).getByRole("button", { name: "Report", exact: true }).click();
  await expect(dialog(page)).toContainText("Metadata is an object");
  await expect(dialog(page).getByLabel(/^Metadata/)).toBeFocused();
  await dialog(page)
    .getByLabel(/^Metadata/)
    .fill('{"rows": 4, "by": "ada"}');
  await dialog(page).getByText("As a command").click();
  await expect(dialog(page)).toContainText(
    `wfctl assets update s3://lake/orders --partition '${partition}' --metadata '{"rows":4,"by":"ada"}'`,
  );
  await expect(dialog(page)).toContainText(/curl http:.*\/api\/v1\/assets\/updates/);
  expect(await violations(page)).toEqual([]);
  await dialog(page).getByRole("button", { name: "Report", exact: true }).click();
  await expect(dialog(page)).toBeHidden();
  const item = list(page, "Updates").getByRole("listitem").filter({ hasText: partition });
  await expect(item).toContainText("Reported by");
  await expect(item).toContainText('by: "ada"');
  await expect(item).toContainText("of orders_report");
  const [newest] = (await updates(api, "s3://lake/orders")).filter((up) => up.partition === partition);
  expect(newest).toMatchObject({ metadata: { rows: 4, by: "ada" }, created: [{ dag: "orders_report" }] });
  await item.locator(`a[href*="${newest?.created?.[0]?.run}"]`).click();
  await page.getByRole("link", { name: "created by assets" }).click();
  await expect(list(page, "Created by")).toContainText(partition);
});

test("an asset that nothing names is reported from the list; a refusal is shown at its field", async ({ page }) => {
  await page.goto("/assets");
  await page.getByRole("button", { name: "Report an update…" }).click();
  await dialog(page).getByLabel("Asset", { exact: true }).fill("two words");
  await dialog(page).getByRole("button", { name: "Report", exact: true }).click();
  await expect(dialog(page).locator(".form-error, [role=alert]").first()).toBeVisible();
  const name = `outside/${Date.now()}/..`;
  await dialog(page).getByLabel("Asset", { exact: true }).fill(name);
  await dialog(page).getByRole("button", { name: "Report", exact: true }).click();
  await page.getByRole("link", { name }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
  await expect(list(page, "Updates").getByRole("listitem")).toHaveCount(1);
});

test("hostile partitions and metadata are texts", async ({ page, request }) => {
  const hostile = "<img src=x onerror='window.pwned=1'>";
  await loaded(new Api(request), {
    kind: "update",
    output: 1,
    assets: [
      {
        asset: "s3://lake/orders",
        partition: hostile,
        metadata: { [hostile]: "<script>window.pwned=1</script>\u202Etxt", __proto__x: { constructor: [null] } },
      },
    ],
  });
  await page.goto(show("s3://lake/orders"));
  await expect(list(page, "Updates")).toContainText(hostile);
  await expect(list(page, "Updates")).toContainText("\\u{202e}txt");
  await page.goto(show("<script>window.pwned=1</script>"));
  await expect(main(page).getByRole("alert")).toContainText("'<' doesn't f");
  await page.goto(show("no/such/asset"));
  await expect(main(page)).toContainText("There is no asset of this name");
});

test("a task says which assets it updates", async ({ page, request }) => {
  const { run } = await loaded(new Api(request));
  await page.goto(`/dags/load_orders/runs/${run}/overview?task=load`);
  const panel = page.getByRole("complementary", { name: "Selected task" });
  await expect(panel.getByRole("link", { name: "s3://lake/orders" })).toBeVisible();
  await page.goto("/dags/load_orders/settings");
  await expect(main(page)).toContainText("updates s3://lake/orders, stock");
  await page.goto("/dags/orders_report/settings");
  await expect(main(page)).toContainText("a run when s3://lake/orders is updated");
});

test("further updates come on request, and a failed request is tried again", async ({ page }) => {
  const update = (id: number) => ({ id, asset: "stock", at: "2026-11-26T04:00:00Z", partition: `part ${id}` });
  let failing = true;
  await page.route("**/api/v1/assets/updates?*", (route) => {
    if (failing) return route.fulfill({ status: 503, json: { code: "busy", detail: "Try again later" } });
    const second = route.request().url().includes("cursor=more");
    return route.fulfill({ json: second ? { items: [update(1)] } : { items: [update(2)], next: "more" } });
  });
  await page.goto(show("stock"));
  await expect(main(page).getByRole("alert")).toContainText("Try again later");
  failing = false;
  await main(page).getByRole("button", { name: "Try again" }).click();
  await expect(list(page, "Updates").getByRole("listitem")).toHaveCount(1);
  await page.getByRole("button", { name: "Earlier updates" }).click();
  await expect(list(page, "Updates").getByRole("listitem")).toHaveText([/part 2/, /part 1/]);
});

test("narrow screens reach assets by More, and nothing is wider than they are", async ({ page, request }) => {
  const { created } = await loaded(new Api(request));
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto("/");
  await page.getByRole("navigation", { name: "Main, narrow" }).getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Assets" }).click();
  await expect(page.getByRole("heading", { name: "Assets", level: 1 })).toBeVisible();
  for (const path of ["/assets", show("s3://lake/orders"), `/dags/orders_report/runs/${created}/assets`]) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll("main .body, html")]
        .filter((e) => e.scrollWidth > e.clientWidth)
        .map((e) => `${e.className} ${e.scrollWidth}`),
    );
    expect(wide, path).toEqual([]);
  }
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("sees assets, and is not offered to report updates", async ({ page }) => {
    for (const path of ["/assets", show("s3://lake/orders")]) {
      await page.goto(path);
      await expect(main(page)).toContainText("s3://lake/orders");
      await expect(main(page)).toContainText("orders_report");
      await expect(page.getByRole("button", { name: /^Report/ })).toHaveCount(0);
    }
  });
});

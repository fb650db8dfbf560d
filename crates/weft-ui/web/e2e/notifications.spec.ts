/** Destinations of notifications against a real receiver: added, tested, failing, recovering, removed. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { violations } from "./axe";
import { ADMIN, Api, expect, type Page, test, URL_, VIEWER } from "./test";

/** A receiver that answers with a status that the test sets, and records its requests. */
class Receiver {
  status = 200;
  readonly got: { path: string; body: string }[] = [];
  private readonly http: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      this.got.push({ path: request.url ?? "", body });
      response.writeHead(this.status).end();
    });
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.http.listen(0, "127.0.0.1", resolve));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  close(): void {
    this.http.close();
  }
}

const receiver = new Receiver();
const dialog = (page: Page) => page.getByRole("dialog");
const item = (page: Page, name: string) =>
  page.getByRole("list", { name: "Destinations" }).getByRole("listitem").filter({ hasText: name });
const deliveries = (page: Page) => page.getByRole("table", { name: "Deliveries" }).locator("tbody tr");

async function add(page: Page, name: string, path: string): Promise<void> {
  await page.goto("/admin/notifications");
  await page.getByRole("button", { name: "Add destination…" }).click();
  await dialog(page).getByLabel("Name").fill(name);
  await dialog(page).getByRole("radio", { name: "Webhook" }).click();
  await dialog(page).getByLabel("URL").fill(`${receiver.origin}${path}`);
  await dialog(page).getByLabel("Only these DAGs").fill("orders");
  await dialog(page).getByText("Folding and templates").click();
  await dialog(page).getByLabel("A failure waits for others, in s").fill("0");
  await dialog(page).getByRole("button", { name: "Add", exact: true }).click();
  await expect(dialog(page)).toBeHidden();
  await expect(item(page, name)).toBeVisible();
}

// One receiver, and one policy that lets messages go there. On a machine that compiles meanwhile a retry takes most of a minute.
test.describe.configure({ mode: "serial", timeout: 120_000 });

test.beforeAll(async ({ request }) => {
  await receiver.listen();
  const policy = `[http]\nallow = ["${receiver.origin}"]\n[http.private]\n"127.0.0.1" = ["127.0.0.1"]\n`;
  const answer = await request.put(`${URL_()}/api/v1/policy`, {
    headers: { authorization: `Bearer ${ADMIN()}` },
    data: { policy },
  });
  expect(answer.ok(), await answer.text()).toBe(true);
});

test.afterAll(async ({ request }) => {
  receiver.close();
  await request.put(`${URL_()}/api/v1/policy`, {
    headers: { authorization: `Bearer ${ADMIN()}` },
    data: { policy: "" },
  });
});

test("what can't be used is refused at its field", async ({ page }) => {
  await page.goto("/admin/notifications");
  await page.getByRole("button", { name: "Add destination…" }).click();
  const submit = dialog(page).getByRole("button", { name: "Add", exact: true });
  const refused = async (label: string, text: RegExp) => {
    await submit.click();
    const field = dialog(page).getByLabel(label);
    await expect(field).toHaveAccessibleDescription(text);
    await expect(field).toBeFocused();
    await expect(field).toHaveAttribute("aria-invalid", "true");
  };
  await refused("Name", /needs a name/);
  await dialog(page).getByLabel("Name").fill("refused");
  await refused("URL", /url is missing/);
  await dialog(page).getByLabel("URL").fill("http://10.0.0.9/hush");
  await refused("URL", /goes beyond the policy/);

  await dialog(page).getByRole("radio", { name: "PagerDuty" }).click();
  await dialog(page).getByLabel(/^URL/).fill("");
  await expect(dialog(page).getByLabel(/^success/)).toHaveCount(0);
  await refused("Routing key", /routing_key is missing/);
  await dialog(page).getByRole("radio", { name: "E-mail" }).click();
  await refused("SMTP server", /host is missing/);
  await dialog(page).getByLabel("SMTP server").fill("smtp.example.org");
  await dialog(page).getByLabel("From").fill("weft");
  await refused("From", /is no mailbox/);
  await dialog(page).getByLabel("From").fill("weft@example.org");
  await refused("To", /1 to 50 mailboxes/);
  await dialog(page).getByLabel("To", { exact: true }).fill("ops@example.org");
  await dialog(page)
    .getByLabel(/^failure/)
    .uncheck();
  await dialog(page)
    .getByLabel(/^recovery/)
    .uncheck();
  await submit.click();
  await expect(dialog(page).getByRole("group", { name: "Notified of" })).toContainText("name at least one of success");
  await dialog(page)
    .getByLabel(/^failure/)
    .check();
  await dialog(page).getByText("Folding and templates").click();
  await dialog(page).getByLabel("Template of the title").fill("{{ dga }}");
  await refused("Template of the title", /undefined value/);
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toBeHidden();
});

test("a destination is tested, and its address keeps its secret", async ({ page }) => {
  await add(page, "tested", "/hush");
  await expect(item(page, "tested")).toContainText(receiver.origin);
  await expect(item(page, "tested")).not.toContainText("hush");
  await expect(item(page, "tested")).toContainText("failure, recovery of orders");
  await page.getByRole("button", { name: "Send a test to tested" }).click();
  await expect(item(page, "tested").getByText(/The test was delivered in/)).toBeVisible();
  expect(receiver.got.at(-1)?.path).toBe("/hush");
  expect(JSON.parse(receiver.got.at(-1)?.body ?? "")).toMatchObject({ destination: "tested", on: "test" });
  await page.getByLabel("Deliveries to").selectOption("tested");
  await expect(page).toHaveURL(/destination=tested/);
  await expect(deliveries(page)).toHaveText([/Delivered.*test/]);
});

test("a test that is refused says why, and what is retried arrives while one looks", async ({ page }) => {
  await add(page, "failing", "/failing");
  receiver.status = 400;
  await page.getByRole("button", { name: "Send a test to failing" }).click();
  await expect(item(page, "failing").getByText("The test was refused, and is sent no more")).toBeVisible();
  await expect(item(page, "failing")).toContainText("400");
  receiver.status = 503;
  await page.getByRole("button", { name: "Send a test to failing" }).click();
  await expect(item(page, "failing").getByText("The test could not be delivered yet")).toBeVisible();
  await expect(item(page, "failing")).toContainText("503");
  await expect(deliveries(page).first()).toContainText("Retrying");
  expect(await violations(page)).toEqual([]);
  receiver.status = 200;
  await expect(item(page, "failing").getByText(/The test was delivered in/)).toBeVisible();
  await expect(deliveries(page).first()).toContainText("Delivered");
});

test("a failure is delivered while one looks, and nothing is read while nothing changes", async ({ page, request }) => {
  await add(page, "watched", "/watched");
  await page.goto("/admin/notifications?destination=watched");
  await expect(page.getByText("Nothing was sent to it")).toBeVisible();
  let reads = 0;
  page.on("request", (r) => {
    if (r.url().includes("/notifications/")) reads += 1;
  });
  await page.waitForTimeout(3000);
  expect(reads).toBe(0);
  const api = new Api(request);
  const run = await api.trigger("orders", { code: 7 });
  await expect(deliveries(page).filter({ hasText: run })).toContainText(/Delivered.*failure of orders/s);
  await expect(deliveries(page).filter({ hasText: run })).toContainText("exit code 7");
  expect(receiver.got.some((message) => message.path === "/watched" && message.body.includes(run))).toBe(true);
  await deliveries(page).getByRole("link", { name: run }).click();
  await expect(page).toHaveURL(new RegExp(`runs/${run}/overview`));
});

test("a destination is replaced with its secrets entered again, and removed", async ({ page }) => {
  await add(page, "replaced", "/one");
  await page.getByRole("button", { name: "Add destination…" }).click();
  await dialog(page).getByLabel("Name").fill("replaced");
  await dialog(page).getByRole("button", { name: "Add", exact: true }).click();
  await expect(dialog(page).getByLabel("Name")).toHaveAccessibleDescription(/There is a destination of this name/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Replace replaced" }).click();
  await expect(dialog(page).getByLabel("Only these DAGs")).toHaveValue("orders");
  await expect(dialog(page).getByLabel("URL")).toHaveValue("");
  await dialog(page).getByLabel("URL").fill(`${receiver.origin}/two`);
  await dialog(page)
    .getByLabel(/^retry/)
    .check();
  await dialog(page).getByRole("button", { name: "Replace", exact: true }).click();
  await expect(item(page, "replaced")).toContainText("failure, recovery, retry of orders");
  await page.getByRole("button", { name: "Remove replaced" }).click();
  await expect(dialog(page)).toContainText("is given up");
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await expect(item(page, "replaced")).toHaveCount(0);
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("sees destinations and deliveries, and is offered no act", async ({ page }) => {
    await page.goto("/admin/notifications");
    await expect(item(page, "tested")).toBeVisible();
    await expect(deliveries(page).first()).toBeVisible();
    await expect(page.getByRole("main").getByRole("button", { name: /Add|Send|Replace|Remove/ })).toHaveCount(0);
  });
});

test.describe("an operator", () => {
  test.use({
    token: async ({ playwright }, use) => {
      const request = await playwright.request.newContext();
      const answer = await request.post(`${URL_()}/api/v1/tokens`, {
        headers: { authorization: `Bearer ${ADMIN()}` },
        data: { name: "operator", role: "operator", tenant: "default" },
      });
      await use(((await answer.json()) as { secret: string }).secret);
      await request.dispose();
    },
  });

  test("is offered what they may set", async ({ page }) => {
    await page.goto("/admin/notifications");
    await expect(page.getByRole("button", { name: "Send a test to tested" })).toBeVisible();
    for (const tab of ["variables", "connections", "pools"]) {
      await page.goto(`/admin/${tab}`);
      await expect(page.getByRole("button", { name: "Set", exact: true })).toBeVisible();
    }
  });
});

/** Webhooks of a DAG: added, their example run by a shell, replaced, removed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator } from "@playwright/test";
import { violations } from "./axe";
import { Api, expect, type Page, test, VIEWER } from "./test";

const dialog = (page: Page) => page.getByRole("dialog");
const item = (page: Page, name: string) =>
  page.getByRole("list", { name: "Webhooks" }).getByRole("listitem").filter({ hasText: name });

/** Runs the request that the page shows, as a person would: the secret in a file beside it. */
function send(example: string, secret: string): { run?: string; code?: string } {
  const folder = mkdtempSync(join(tmpdir(), "weft-hook-"));
  try {
    writeFileSync(join(folder, "hook.secret"), secret);
    const answer = execFileSync("bash", ["-c", example], { cwd: folder, encoding: "utf8", stdio: "pipe" });
    return JSON.parse(answer) as { run?: string; code?: string };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function add(page: Page, name: string, form: string): Promise<void> {
  await page.goto("/dags/orders/webhooks");
  await page.getByRole("button", { name: "Add webhook…" }).click();
  await dialog(page).getByLabel("Name").fill(name);
  await dialog(page).getByRole("radio", { name: form, exact: true }).click();
}

const submit = (page: Page) => dialog(page).getByRole("button", { name: "Add", exact: true }).click();
const text = async (of: Locator): Promise<string> => (await of.textContent()) ?? "";
const secretOf = (page: Page) => text(dialog(page).getByRole("status").locator("code"));

for (const form of ["Weft", "GitHub", "Stripe"]) {
  test(`the example of a webhook in the form of ${form} triggers a run`, async ({ page, request }) => {
    const name = `example-${form.toLowerCase()}`;
    await add(page, name, form);
    await dialog(page).getByLabel("Only events of these types").fill("push, release");
    await dialog(page).getByLabel("Where region comes from").selectOption("pointer");
    await dialog(page).getByLabel("JSON Pointer of region").fill("/repository/owners/0");
    await submit(page);
    await expect(dialog(page)).toContainText("The secret, shown only now");
    const secret = await secretOf(page);
    expect(secret).toMatch(/^whsec_/);
    await expect(dialog(page)).toContainText(/http:\/\/127\.0\.0\.1:\d+\/hooks\/[0-9a-f]{32}/);
    // It is shown only once, so nothing but its button closes it.
    await page.keyboard.press("Escape");
    await page.mouse.click(4, 4);
    await expect(dialog(page)).toBeVisible();
    await dialog(page).getByRole("button", { name: "Done" }).click();
    await expect(item(page, name)).toContainText("push, release");
    await expect(item(page, name)).toContainText("region from /repository/owners/0");
    expect(await page.content()).not.toContain(secret);

    await item(page, name).getByText("Example of a request").click();
    if (form === "GitHub") expect(await violations(page)).toEqual([]);
    const example = await text(item(page, name).locator("pre"));
    const { run } = send(example, secret);
    const made = await new Api(request).get<{ created_by: string; params: { region: string } }>(`runs/${run}`);
    expect(made).toMatchObject({ created_by: `webhook/${name}`, params: { region: "all" } });
    expect(send(example, "whsec_0000000000000000").code).toBe("webhook_refused");
  });
}

test("what can't be used is refused at its field", async ({ page }) => {
  await add(page, "", "Weft");
  await submit(page);
  await expect(dialog(page).getByLabel("Name")).toHaveAccessibleDescription(/needs a name/);
  await dialog(page).getByLabel("Name").fill("refused");
  await dialog(page).getByLabel("Where code comes from").selectOption("pointer");
  const pointer = dialog(page).getByLabel("JSON Pointer of code");
  await pointer.fill("repository/name");
  await expect(pointer).toHaveAccessibleDescription(/begins with a slash/);
  await submit(page);
  await expect(dialog(page).getByRole("group", { name: "Parameters" })).toContainText("code: A JSON Pointer");
  await pointer.fill("/code");
  await dialog(page).getByRole("radio", { name: "The other system made it" }).click();
  const secret = dialog(page).getByLabel("The other system's secret");
  await secret.fill("short");
  await submit(page);
  await expect(secret).toHaveAccessibleDescription(/16 to 500 visible/);
  await secret.fill("a secret of sixteen".replaceAll(" ", "-"));
  await submit(page);
  await expect(dialog(page)).toContainText("is added");
  await expect(dialog(page)).not.toContainText("shown only now");
  await dialog(page).getByRole("button", { name: "Done" }).click();
  await add(page, "refused", "Weft");
  await submit(page);
  await expect(dialog(page).getByLabel("Name")).toHaveAccessibleDescription(/has a webhook "refused"/);
});

test("a secret is replaced, and the earlier one is void; a webhook is removed", async ({ page }) => {
  await add(page, "replaced", "Weft");
  await submit(page);
  await expect(dialog(page)).toContainText("The secret, shown only now");
  const first = await secretOf(page);
  await dialog(page).getByRole("button", { name: "Done" }).click();
  await item(page, "replaced").getByText("Example of a request").click();
  const example = await text(item(page, "replaced").locator("pre"));
  await page.getByRole("button", { name: "Replace the secret of replaced" }).click();
  await dialog(page).getByRole("button", { name: "Replace", exact: true }).click();
  await expect(dialog(page)).toContainText("The secret, shown only now");
  const second = await secretOf(page);
  await dialog(page).getByRole("button", { name: "Done" }).click();
  expect(send(example, first).code).toBe("webhook_refused");
  expect(send(example, second).run).toBeTruthy();
  await page.getByRole("button", { name: "Remove replaced" }).click();
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await expect(item(page, "replaced")).toHaveCount(0);
  expect(send(example, second).code).toBe("webhook_refused");
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("sees webhooks, and is offered no act", async ({ page }) => {
    await page.goto("/dags/orders/webhooks");
    await expect(page.getByRole("heading", { name: "Webhooks" })).toBeVisible();
    await expect(page.getByRole("main").getByRole("button", { name: /Add|Replace|Remove/ })).toHaveCount(0);
  });
});

/** What guests write is never run and never hidden. The fixture fails a test for a dialog, an error or a violated policy. */
import { Api, expect, test } from "./test";

test("names, descriptions and tags are texts", async ({ page }) => {
  await page.goto("/dags");
  await expect(page.getByText("<img src=x onerror='window.pwned=1'> \\u{202e}gnihton")).toBeVisible();
  await expect(page.getByRole("button", { name: "Only tag <b>tag</b>" })).toBeVisible();
  await page.goto("/dags/hostile/settings");
  await expect(page.getByText(/<img src=x/)).toBeVisible();
  await page.goto("/dags/hostile/trigger");
  await expect(page.getByLabel("html")).toHaveValue("<script>window.pwned=1</script>");
  await page.goto("/dags/hostile/code");
  await expect(page.getByRole("main")).toContainText("sha256:");
});

test("logs are texts, and commands for terminals do nothing", async ({ page, request }) => {
  const run = await new Api(request).newest("hostile", "failed");
  await page.goto(`/dags/hostile/runs/${run}/tasks/speak/logs`);
  const log = page.getByRole("log");
  await expect(log).toContainText("<script>window.pwned=1</script>");
  await expect(log).toContainText("\\u{202e}txt.exe");
  await expect(log.locator(".st-failed")).toHaveText("red");
  await expect(log.locator("a")).toHaveCount(0);
  await page.goto(`/dags/hostile/runs/${run}/tasks/fail/logs`);
  await expect(log).toContainText("<iframe src=javascript:alert(1)>");
});

test("outputs are texts", async ({ page, request }) => {
  const run = await new Api(request).newest("hostile", "failed");
  await page.goto(`/dags/hostile/runs/${run}/tasks/speak/io`);
  // A field named md is Markdown: elements, whose links lead to web addresses only.
  await expect(page.locator(".markdown")).toHaveText("x");
  await expect(page.locator(".markdown a")).toHaveCount(0);
  await page.getByRole("radio", { name: "Tree" }).click();
  await expect(page.getByText("<img src=x onerror=window.pwned=1>:")).toBeVisible();
  await expect(page.getByText('"<svg onload=window.pwned=1>"')).toBeVisible();
  await page.getByRole("radio", { name: "Text" }).click();
  await expect(page.getByText(/javascript:alert/)).toBeVisible();
  await expect(page.locator("main img, main iframe")).toHaveCount(0);
});

test("the policy permits no inline script and no other host", async ({ page }) => {
  const answer = await page.goto("/");
  const policy = answer?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain("unsafe");
  expect(await page.locator("script:not([src])").count()).toBe(0);
});

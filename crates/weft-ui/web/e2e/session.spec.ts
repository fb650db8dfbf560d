/** Signing in and out. */
import { test as bare } from "@playwright/test";
import { ADMIN, complaints, expect, test, URL_ } from "./test";

bare("a wrong token is refused in its place, a right one opens Home and stays", async ({ page, context }) => {
  const found = complaints(page);
  await page.goto(`${URL_()}/`);
  await page.getByLabel("Token").fill(`weft_${"0".repeat(64)}`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("token_unknown");
  await page.getByLabel("Token").fill(ADMIN());
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Home", level: 1 })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Home", level: 1 })).toBeVisible();
  const cookies = await context.cookies();
  expect(cookies).toHaveLength(1);
  expect(cookies[0]).toMatchObject({ httpOnly: true, sameSite: "Lax" });
  expect(await page.evaluate(() => document.cookie)).toBe("");
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain(ADMIN());
  expect(found).toEqual([]);
});

test("signing out ends the session at the server too", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("button", { name: /settings/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Token")).toBeVisible();
});

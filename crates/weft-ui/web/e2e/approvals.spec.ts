/** Tasks that ask people: the list, the answer with its form, refusals, what is seen afterwards. */
import { violations } from "./axe";
import { Api, expect, type Page, test, VIEWER } from "./test";

// On a machine that compiles meanwhile a test takes most of a minute.
test.describe.configure({ timeout: 120_000 });

const main = (page: Page) => page.getByRole("main");
const dialog = (page: Page) => page.getByRole("dialog");
const answers = (page: Page) => dialog(page).getByRole("group", { name: "Answers" }).getByRole("button");
const item = (page: Page, subject: string) =>
  page.getByRole("list", { name: "Approvals" }).getByRole("listitem").filter({ hasText: subject });

/** The API's question of a form with each kind of field. */
const FORM = {
  type: "object",
  properties: {
    share: { type: "integer", minimum: 1, maximum: 100, default: 10, title: "Share of the hosts, in %" },
    zone: { enum: ["north", "south"] },
    why: { type: "string", description: "For the record", not: { const: "because" } },
  },
  required: ["share", "zone", "why"],
};
const BODY =
  "It passed **all** tests, see [the report](https://example.org/report).\n\n- one\n- two\n\n<script>window.pwned=1</script>";

let asked = 0;

/** Triggers a run whose task asks, and waits until it does. Other tests ask meanwhile, so each has its own subject. */
async function asking(api: Api, more: object = {}, timeout: number | undefined = 3_600_000) {
  asked += 1;
  const subject = `Release ${process.pid}.${Date.now()}.${asked}?`;
  const ask = {
    kind: "defer",
    approval: { subject, ...more },
    state: "released",
    ...(timeout ? { timeout_ms: timeout } : {}),
  };
  const run = await api.trigger("releases", { ask });
  const instance = () => api.get<{ waits_for?: string }>(`runs/${run}/tasks/release/0`);
  await expect.poll(async () => (await instance()).waits_for).toMatch(/^approval\//);
  return { run, subject };
}

interface Approval {
  state: string;
  decision?: { option: string; comment?: string; fields: object };
}
const given = (api: Api, run: string) => api.get<Approval>(`runs/${run}/tasks/release/0/approval`);

test("a question appears in the list, is answered with its form, and leaves the list", async ({ page, request }) => {
  const api = new Api(request);
  await page.goto("/approvals?dag=releases");
  await expect(page.getByRole("heading", { name: "Approvals", level: 1 })).toBeVisible();
  const { run, subject } = await asking(api, { body: BODY, form: FORM, default: "reject" });
  // The event stream says that there may be more.
  await expect(item(page, subject)).toContainText("You may answer.");
  await expect(item(page, subject)).toContainText("by default reject");
  await item(page, subject).getByRole("button").click();
  await expect(page).toHaveURL(new RegExp(`run=${run}`));

  await expect(dialog(page)).toContainText("It passed all tests");
  await expect(dialog(page).getByRole("link", { name: "the report" })).toHaveAttribute(
    "href",
    "https://example.org/report",
  );
  await expect(dialog(page)).toContainText("<script>window.pwned=1</script>");
  await expect(dialog(page)).toContainText("everybody who may operate runs");
  await expect(answers(page)).toHaveText(["Approve", "Reject"]);

  // What is missing or wrong is said at its field, and nothing is sent.
  await answers(page).first().click();
  await expect(dialog(page)).toContainText("A value is needed");
  await dialog(page).getByLabel("Share of the hosts").fill("1000");
  await expect(dialog(page)).toContainText("1000 is more than the maximum of 100");
  await dialog(page).getByLabel("Share of the hosts").fill("50");
  await dialog(page).getByRole("radio", { name: "south" }).click();
  // What the server alone knows as well.
  await dialog(page).getByLabel("why").fill("because");
  await answers(page).first().click();
  await expect(dialog(page).getByLabel("why")).toHaveAttribute("aria-invalid", "true");
  await expect(dialog(page).getByLabel("why")).toBeFocused();
  await expect(dialog(page)).toContainText("the values don't fit the form: at /why");
  expect((await given(api, run)).state).toBe("waiting");

  await dialog(page).getByLabel("why").fill("tested");
  await dialog(page).getByLabel("Comment").fill("looks good");
  await expect(dialog(page)).toContainText(
    `wfctl approvals approve ${run} release --comment 'looks good' --field share=50`,
  );
  await answers(page).first().click();
  await expect(dialog(page)).toBeHidden();
  await expect(page.getByText("Answered: approve")).toBeVisible();
  await expect(item(page, subject)).toHaveCount(0);
  expect((await given(api, run)).decision).toMatchObject({
    option: "approve",
    comment: "looks good",
    fields: { share: 50, zone: "south", why: "tested" },
  });
  await api.ended(run);
});

test("a task's page leads to the answer, and shows it afterwards", async ({ page, request }) => {
  const api = new Api(request);
  const { run, subject } = await asking(api, { options: ["reject", "south", "approve"], default: "south" });
  await page.goto(`/dags/releases/runs/${run}/tasks/release/logs`);
  const aside = page.getByRole("complementary", { name: "This attempt" });
  await expect(aside).toContainText(`It waits for somebody's answer: ${subject}`);
  await expect(aside).toContainText("south, where no one answers until then");
  await aside.getByRole("button", { name: "Answer…" }).click();
  await expect(answers(page)).toHaveText(["Approve", "south", "Reject"]);
  await dialog(page).getByLabel("Comment").fill("not before\nMonday");
  await answers(page).last().click();
  await expect(dialog(page)).toBeHidden();
  await expect(aside).toContainText("What it asked");
  await expect(aside).toContainText("Answerreject");
  await expect(aside).toContainText("not before\nMonday");
  await expect(aside.getByRole("button", { name: "Answer…" })).toHaveCount(0);
  await page.goto(`/dags/releases/runs/${run}/tasks/release/why`);
  await expect(main(page)).toContainText(subject);
  await expect(main(page).getByText("reject", { exact: true })).toBeVisible();
});

test("who is too late reads why, and sees the answer that was given", async ({ page, request }) => {
  const api = new Api(request);
  const { run, subject } = await asking(api);
  await page.goto("/approvals");
  await item(page, subject).getByRole("button").click();
  // Another answer arrives just before this one.
  await page.route("**/release/0/approval", async (route) => {
    if (route.request().method() === "POST") await api.answer(run, "release", "reject");
    await route.continue();
  });
  await answers(page).first().click();
  await expect(dialog(page).getByRole("alert")).toContainText("somebody was faster");
  await expect(dialog(page)).toContainText("Answerreject");
  await expect(answers(page)).toHaveCount(0);
  await dialog(page).getByRole("button", { name: "Back" }).click();
  await expect(item(page, subject)).toHaveCount(0);
});

test("an answer after the end of the wait is refused in words", async ({ page, request }) => {
  const api = new Api(request);
  const { run, subject } = await asking(api);
  await page.goto(`/approvals?run=${run}&task=release`);
  await expect(dialog(page)).toContainText(subject);
  await page.route("**/release/0/approval", async (route) => {
    if (route.request().method() === "POST") {
      await request.post(`${new URL(page.url()).origin}/api/v1/runs/${run}/cancel`, { headers: api.headers() });
      await api.ended(run);
    }
    await route.continue();
  });
  await answers(page).first().click();
  await expect(dialog(page).getByRole("alert")).toContainText("no longer waits");
  await expect(dialog(page)).toContainText("No one answered before the wait ended");
  await expect(answers(page)).toHaveCount(0);
});

test("a question is for its approvers alone", async ({ page, request }) => {
  const api = new Api(request);
  const { run, subject } = await asking(api, { approvers: ["grace", "joan"] });
  await page.goto("/approvals");
  await expect(item(page, subject)).toContainText("May answer: grace, joan.");
  await item(page, subject).getByRole("button", { name: "Show" }).click();
  await expect(dialog(page)).toContainText("grace, joan");
  await expect(dialog(page)).toContainText("You may not answer");
  await expect(answers(page)).toHaveCount(0);
  // A page that does not know it yet is notified.
  const open = await given(api, run);
  await page.route("**/release/0/approval", async (route) => {
    if (route.request().method() === "POST") await route.continue();
    else await route.fulfill({ json: { ...open, may_answer: true } });
  });
  await page.reload();
  await answers(page).first().click();
  await expect(dialog(page).getByRole("alert")).toContainText("only grace, joan may answer");
});

test("the list is empty, fails in its place, and has further pages", async ({ page }) => {
  await page.route("**/api/v1/approvals?*", (route) => route.fulfill({ json: { items: [] } }));
  await page.goto("/approvals");
  await expect(main(page)).toContainText("No task waits for an answer");
  await page.goto("/approvals?dag=orders");
  await expect(main(page)).toContainText("No task waits for an answer in this DAG.");
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page).toHaveURL(/\/approvals$/);
  await page.goto("/");
  await expect(
    page.getByRole("region", { name: "Health" }).or(page.getByRole("status", { name: "Health" })),
  ).toBeVisible();
  await expect(main(page)).not.toContainText("Waiting for people");

  const row = (index: number) => ({
    ...{ run: "0c3k5v7n9q1st", dag: "releases", task: "release", index, attempt: 1, state: "waiting" },
    ...{ subject: `Question ${index}?`, options: ["approve"], may_answer: true, asked: "2026-11-25T18:00:00Z" },
  });
  await page.unroute("**/api/v1/approvals?*");
  await page.route("**/api/v1/approvals?*", (route) =>
    route.fulfill({
      json: route.request().url().includes("cursor")
        ? { items: [row(50)] }
        : { items: Array.from({ length: 50 }, (_, i) => row(i)), next: "more" },
    }),
  );
  await page.goto("/");
  await page.getByRole("link", { name: "Waiting for people 50+" }).click();
  const rows = page.getByRole("list", { name: "Approvals" }).getByRole("listitem");
  await expect(rows).toHaveCount(50);
  await page.keyboard.press("j");
  await expect(rows.first().getByRole("link").first()).toBeFocused();
  await page.getByRole("button", { name: "More" }).click();
  await expect(rows).toHaveCount(51);
  await expect(main(page)).not.toContainText("the first 50");

  await page.unroute("**/api/v1/approvals?*");
  await page.route("**/api/v1/approvals?*", (route) =>
    route.fulfill({ status: 400, json: { code: "invalid_cursor", detail: "the cursor names no run" } }),
  );
  await page.reload();
  await expect(main(page).getByRole("alert")).toContainText("the cursor names no run");
});

test("axe finds nothing, and a narrow screen has room for it", async ({ page, request }) => {
  test.setTimeout(240_000);
  const api = new Api(request);
  const { run, subject } = await asking(api, {
    body: BODY,
    form: FORM,
    options: ["approve", "the_day_after_tomorrow", "ask_me_again_later", "reject"],
    default: "reject",
  });
  const found: string[] = [];
  const look = async (what: string) => {
    for (const v of await violations(page)) found.push(`${what}: ${v}`);
  };
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of [1440, 360]) {
      await page.setViewportSize({ width, height: 780 });
      await page.goto("/approvals");
      await expect(item(page, subject)).toBeVisible();
      await look(`list, ${colorScheme}, ${width}`);
      if (process.env.PICTURES)
        await page.screenshot({ path: `${process.env.PICTURES}/list-${colorScheme}-${width}.png` });
      await item(page, subject).getByRole("button").click();
      await expect(dialog(page)).toContainText("It passed all tests");
      await answers(page).first().click();
      await expect(dialog(page)).toContainText("A value is needed");
      await look(`dialog, ${colorScheme}, ${width}`);
      const over = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(await over()).toBeLessThanOrEqual(0);
      if (process.env.PICTURES)
        await page.screenshot({ path: `${process.env.PICTURES}/dialog-${colorScheme}-${width}.png` });
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto("/");
    await expect(page.getByRole("link", { name: /Waiting for people/ })).toBeVisible();
    await look(`home, ${colorScheme}`);
    if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/home-${colorScheme}.png` });
    await page.goto(`/dags/releases/runs/${run}/tasks/release/why`);
    await expect(page.getByRole("button", { name: "Answer…" })).toBeVisible();
    await look(`task, ${colorScheme}`);
    if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/task-${colorScheme}.png` });
  }
  expect(found).toEqual([]);
});

test.describe("a viewer", () => {
  test.use({ token: async ({}, use) => use(VIEWER()) });

  test("sees what is asked and who may answer, and is offered no act", async ({ page, request }) => {
    const api = new Api(request);
    const { run, subject } = await asking(api, { form: FORM });
    await page.goto("/");
    await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Approvals" }).click();
    await expect(item(page, subject)).toContainText("May answer: everybody who may operate runs.");
    await item(page, subject).getByRole("button", { name: "Show" }).click();
    await expect(dialog(page)).toContainText("your token does not permit operating runs");
    await expect(answers(page)).toHaveCount(0);
    await expect(dialog(page).getByRole("textbox")).toHaveCount(0);
    await page.goto(`/dags/releases/runs/${run}/tasks/release/why`);
    await expect(main(page)).toContainText(`It waits for somebody's answer: ${subject}`);
    await expect(page.getByRole("button", { name: "Show the question…" })).toBeVisible();
    await expect(page.getByRole("button", { name: /^(Answer|Wake)/ })).toHaveCount(0);
  });
});

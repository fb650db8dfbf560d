/** What the pictures show beside the seeded runs: a question, destinations of notifications, webhooks, an updated asset. */
import { expect } from "@playwright/test";
import { ADMIN, type Api, URL_ } from "./test";

const ASK = {
  kind: "defer",
  approval: {
    subject: "Release 1.2 to the stores in the north?",
    body: "It passed **all** tests. The last release there was on Monday.",
    options: ["approve", "reject", "wait"],
    default: "reject",
  },
  timeout_ms: 86_400_000,
  state: "released",
};

const DESTINATIONS: Record<string, object> = {
  "data-team": {
    kind: "slack",
    on: ["failure", "recovery", "approval"],
    tags: ["retail"],
    url: "https://hooks.slack.com/services/T0/B0/x",
  },
  "on-call": { kind: "pagerduty", on: ["failure", "recovery"], dags: ["nightly_stock"], routing_key: "r".repeat(32) },
};

const WEBHOOKS = [
  { name: "warehouse", form: "weft", params: { region: "/site/region" } },
  { name: "releases", form: "github", events: ["release"], params: {} },
];

async function write(method: "POST" | "PUT", path: string, body: unknown, key?: string): Promise<number> {
  const answer = await fetch(`${URL_()}/api/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN()}`,
      "content-type": "application/json",
      ...(key ? { "idempotency-key": key } : {}),
    },
    body: JSON.stringify(body),
  });
  return answer.status;
}

/** Makes what is not there yet: each picture's test calls it. */
export async function prepare(api: Api): Promise<void> {
  for (const [name, body] of Object.entries(DESTINATIONS))
    expect(await write("PUT", `notifications/destinations/${name}`, body)).toBeLessThan(300);
  // 409: it is there.
  for (const webhook of WEBHOOKS)
    expect([201, 409]).toContain(await write("POST", "dags/nightly_stock/webhooks", webhook));
  expect(await write("POST", "dags/releases/runs", { params: { ask: ASK } }, "pictures")).toBeLessThan(300);
  expect(await write("POST", "dags/load_orders/runs", {}, "pictures-asset")).toBeLessThan(300);
  const updated = async () =>
    (await api.get<{ items: unknown[] }>("assets/updates?asset=s3%3A%2F%2Flake%2Forders")).items.length;
  await expect.poll(updated, { timeout: 20_000 }).toBeGreaterThan(0);
  const asked = async () => (await api.get<{ items: unknown[] }>("approvals?dag=releases")).items.length;
  await expect.poll(asked, { timeout: 20_000 }).toBeGreaterThan(0);
}

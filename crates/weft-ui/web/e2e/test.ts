/** The tests' fixture: a signed in page that fails the test for any script error or violated policy. */
import { type APIRequestContext, type BrowserContext, test as base, expect, type Page } from "@playwright/test";

export const URL_ = (): string => process.env.WEFT_E2E_URL ?? "";
export const ADMIN = (): string => process.env.WEFT_E2E_TOKEN ?? "";
export const VIEWER = (): string => process.env.WEFT_E2E_VIEWER ?? "";

/** Signs a browser in as the sign-in view does. */
export async function signIn(context: BrowserContext, token: string): Promise<void> {
  const answer = await context.request.post(`${URL_()}/api/v1/session`, {
    data: { token },
    headers: { "weft-ui": "1", origin: URL_() },
  });
  expect(answer.ok(), await answer.text()).toBe(true);
}

/** Everything that a page complained of. */
export function complaints(page: Page): string[] {
  const out: string[] = [];
  page.on("pageerror", (error) => out.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    out.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) out.push(message.text());
  });
  return out;
}

interface Fixtures {
  /** Signed in as an administrator, on no page yet. */
  page: Page;
  token: string;
}

export const test = base.extend<Fixtures>({
  token: [async ({}, use) => use(ADMIN()), { option: true }],
  baseURL: async ({}, use) => use(URL_()),
  page: async ({ context, token }, use) => {
    await signIn(context, token);
    const page = await context.newPage();
    const found = complaints(page);
    await use(page);
    expect(found).toEqual([]);
    expect(await page.evaluate(() => (window as { pwned?: unknown }).pwned)).toBeUndefined();
  },
});

export { expect, type Page };

/** The API as the administrator, beside the page. */
export class Api {
  constructor(private readonly request: APIRequestContext) {}

  readonly headers = () => ({ authorization: `Bearer ${ADMIN()}` });

  async get<T>(path: string): Promise<T> {
    const answer = await this.request.get(`${URL_()}/api/v1/${path}`, { headers: this.headers() });
    return (await answer.json()) as T;
  }

  /** `more` of the request: a logical date, an earliest start. */
  async trigger(dag: string, params: object = {}, more: object = {}): Promise<string> {
    const answer = await this.request.post(`${URL_()}/api/v1/dags/${dag}/runs`, {
      headers: this.headers(),
      data: { params, ...more },
    });
    expect(answer.ok(), await answer.text()).toBe(true);
    return ((await answer.json()) as { id: string }).id;
  }

  private async post(path: string, data: unknown): Promise<void> {
    const headers = { ...this.headers(), "content-type": "application/json" };
    const answer = await this.request.post(`${URL_()}/api/v1/${path}`, { headers, data: JSON.stringify(data) });
    expect(answer.ok(), await answer.text()).toBe(true);
  }

  /** Sends an event to a run. */
  async send(run: string, name: string, payload: unknown): Promise<void> {
    await this.post(`runs/${run}/events/${name}`, payload);
  }

  /** Answers what the task of a run asks. */
  async answer(run: string, task: string, option: string): Promise<void> {
    await this.post(`runs/${run}/tasks/${task}/0/approval`, { option });
  }

  /** Changes a DAG: pauses it, holds its runs. */
  async change(dag: string, change: object): Promise<void> {
    const answer = await this.request.patch(`${URL_()}/api/v1/dags/${dag}`, { headers: this.headers(), data: change });
    expect(answer.ok(), await answer.text()).toBe(true);
  }

  /** Writes the note of a run. */
  async note(run: string, text: string): Promise<void> {
    const answer = await this.request.put(`${URL_()}/api/v1/runs/${run}/note`, {
      headers: this.headers(),
      data: { text },
    });
    expect(answer.ok(), await answer.text()).toBe(true);
  }

  /** Runs a task again. */
  async clear(run: string, task: string): Promise<void> {
    await this.post(`runs/${run}/clear`, { tasks: [task] });
  }

  /** Waits until a run has ended. */
  async ended(run: string): Promise<void> {
    await expect
      .poll(async () => (await this.get<{ state: string }>(`runs/${run}`)).state, { timeout: 20_000 })
      .not.toMatch(/running|queued/);
  }

  async newest(dag: string, state: string): Promise<string> {
    const { items } = await this.get<{ items: { id: string }[] }>(`dags/${dag}/runs?state=${state}&limit=1`);
    const run = items[0];
    if (!run) throw new Error(`${dag} has no run that is ${state}`);
    return run.id;
  }
}

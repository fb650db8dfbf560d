/** Invoices of customers: examples/customers, in TypeScript. */

import { branch, chain, type Context, dag, Fail, log, mapGroup, task, teardownOf, variable } from "@weft/sdk";

interface Account {
  id: string;
  hours: number;
}

/** The hours of each account that are not billed yet, instead of a database. */
const ACCOUNTS: Readonly<Record<string, Account[]>> = {
  acme: [
    { id: "acme-eu", hours: 120 },
    { id: "acme-us", hours: 45 },
  ],
  globex: [{ id: "globex", hours: 8 }],
  initech: [{ id: "initech", hours: 0 }],
};

const findAccounts = task(
  { id: "find_accounts", description: "The accounts of a customer." },
  function findAccounts({ customer }: { customer: string }): Account[] {
    const accounts = ACCOUNTS[customer];
    if (accounts === undefined) throw new Fail(`there is no customer '${customer}'; there are ${Object.keys(ACCOUNTS).join(", ")}`);
    return accounts;
  },
);

const anythingDue = branch(
  { id: "anything_due", description: "Skip everything that follows if there is nothing to bill." },
  function anythingDue({ accounts }: { accounts: Account[] }) {
    return accounts.some(({ hours }) => hours > 0) ? "accounts.open_session" : [];
  },
);

const openSession = task(
  { id: "open_session", description: "A session with the account's ledger, which close_session closes." },
  function openSession({ account }: { account: string }, { runId }: Context): string {
    return `${account}/${runId}`;
  },
);

const bill = task(
  {
    retries: 1,
    retryDelay: "1s",
    retryOn: ["author", "timeout"],
    timeout: "1m",
    grants: { variables: ["cents_per_hour"] },
    description: "Bill the hours of an account; the cents.",
  },
  function bill({ session, hours }: { session: string; hours: number }): number {
    const cents = hours * Number(variable("cents_per_hour"));
    log.info(`${hours} hours cost ${(cents / 100).toFixed(2)}`, { session });
    return cents;
  },
);

const closeSession = task(
  { id: "close_session", description: "Runs whatever came of the bill, also after a cancel." },
  function closeSession({ session }: { session: string }): string {
    return `${session} is closed`;
  },
);

const total = task(function total({ cents }: { cents: number[] }): number {
  return cents.reduce((one, other) => one + other, 0);
});

const mail = task(
  {
    latestOnly: true,
    priority: 5,
    deadline: "30m",
    description: "The text of the mail. A run that is made up for sends none, because a later one does.",
  },
  function mail({ customer, cents }: { customer: string; cents: number }): string {
    return `${customer}: ${(cents / 100).toFixed(2)} are due`;
  },
);

export const billing = dag(
  {
    schedule: ["0 6 1 * *", "0 6 15 * *"],
    holidays: ["01-01", "05-01", "2026-12-15"],
    catchup: false,
    concurrencyKey: "{{ params.customer }}",
    maxActiveRunsPerKey: 1,
    rateLimit: { runs: 10, per: "1m" },
    deadline: "2h",
    priorityRule: "inherited",
    owners: ["billing"],
    tags: ["customers"],
    params: { customer: "acme" },
  },
  function billing({ customer }) {
    const found = findAccounts({ customer });
    const due = anythingDue({ accounts: found });
    const billed = mapGroup("accounts", { account: found }, ({ account }) => {
      const session = openSession({ account: account.id });
      chain(due, session);
      const cents = bill({ session, hours: account.hours });
      chain(cents, teardownOf(closeSession({ session }), session));
      return cents;
    });
    mail({ customer, cents: total({ cents: billed }) });
  },
);

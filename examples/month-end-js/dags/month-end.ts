/** The end of a month: examples/month-end, in TypeScript. */

import { chain, type Context, dag, Defer, Skip, task, teardownOf } from "@weft/sdk";

/** What the regions booked, in cents, instead of a ledger. */
export const BOOKED: Readonly<Record<string, number>> = { north: 1_250_00, south: 890_50, west: 2_000_00 };

const HOUR = 3600;
const DAY = 24 * HOUR;

const closing = task({ description: "The balance of a region." }, function closing({ region }: { region: string }): number {
  const booked = BOOKED[region];
  if (booked === undefined) throw new Error(`there is no region ${region}; there are ${Object.keys(BOOKED).join(", ")}`);
  return booked;
});

export const closeBooks = dag({ id: "close_books", params: { region: "north" } }, ({ region }) => {
  closing({ region });
});

const close = task(
  { grants: { dags: ["close_books"] }, description: "Have the books of a region closed, once." },
  function close({ region }: { region: string }, { woken }: Context): number {
    if (woken === null) throw new Defer({ call: { dag: "close_books", params: { region } }, timeout: 6 * HOUR });
    return woken.output("closing") as number;
  },
);

const statement = task({ description: "The balance that the bank states." }, function statement(_: {}, { woken }: Context): number {
  if (woken === null) throw new Defer({ event: "statement", timeout: 3 * DAY });
  if (woken.timedOut) throw new Skip("the bank sent no statement in three days");
  return (woken.payload as { cents: number }).cents;
});

const compare = task(
  { description: "How much the books differ from the statement." },
  function compare({ balances, stated }: { balances: number[]; stated: number }): number {
    return balances.reduce((sum, balance) => sum + balance, 0) - stated;
  },
);

const approve = task(
  { description: "Ask whether the month may be closed; a difference needs a reason." },
  function approve({ difference }: { difference: number }, { woken }: Context): string {
    if (woken === null) {
      const form = { type: "object", properties: { reason: { type: "string" } }, required: difference === 0 ? [] : ["reason"] };
      const subject = `Close the month with a difference of ${(difference / 100).toFixed(2)}?`;
      throw new Defer({ approval: { subject, form, default: "reject" }, timeout: 2 * DAY });
    }
    const { approved, comment, fields } = woken.decision!;
    if (!approved) throw new Skip(comment ?? "it was not approved");
    return (fields.reason as string | undefined) ?? "nothing to explain";
  },
);

const report = task({ description: "Write the report." }, function report({ balances, reason }: { balances: number[]; reason: string }): string {
  const total = balances.reduce((sum, balance) => sum + balance, 0);
  return `${balances.length} regions closed at ${(total / 100).toFixed(2)}: ${reason}`;
});

const openWorkspace = task(
  { id: "open_workspace", description: "The workspace of the month, which tidy_up empties." },
  function openWorkspace(_: {}, { logicalDate }: Context): string {
    return logicalDate.toISOString().slice(0, 7);
  },
);

const tidyUp = task(
  { id: "tidy_up", description: "Runs whatever happened since the workspace was opened, also after a cancel." },
  function tidyUp({ workspace }: { workspace: string }): string {
    return `the workspace of ${workspace} is empty`;
  },
);

export const monthEnd = dag(
  { id: "month_end", schedule: "0 6 1 * *", catchup: false, params: { regions: ["north", "south", "west"] } },
  ({ regions }) => {
    const workspace = openWorkspace({});
    const balances = close.expand({ region: regions });
    chain(workspace, balances);
    const difference = compare({ balances, stated: statement({}) });
    const reported = report({ balances, reason: approve({ difference }) });
    chain(reported, teardownOf(tidyUp({ workspace }), workspace));
  },
);

/** Orders and their report: examples/assets, in TypeScript. */

import { type Context, dag, type RecordedUpdate, Skip, task, update } from "@weft/sdk";

export const ORDERS = "s3://lake/orders";
export const REPORT = "s3://lake/reports/orders";

/** The orders of every day, in cents, instead of a shop. */
const PRICES = [12_50, 7_90, 21_00];

const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);

const load = task(
  { outlets: [ORDERS], description: "Load the orders of a partition, or of the run's date, and return how many there are." },
  function load({ partition }: { partition: string }, { logicalDate }: Context): number {
    const filled = partition || logicalDate.toISOString().slice(0, 10);
    const metadata = { rows: PRICES.length, cents: sum(PRICES) };
    return update(PRICES.length, { assets: [{ asset: ORDERS, partition: filled, metadata }] });
  },
);

const daily = { id: "load_orders", schedule: "0 5 * * *", catchup: false, params: { partition: "" } };

export const loadOrders = dag(daily, ({ partition }) => {
  load({ partition });
});

type Updates = Record<string, RecordedUpdate[]>;

const report = task(
  { outlets: [REPORT], description: "A line of what was updated." },
  function report({ assets }: { assets: Updates }): string {
    const updates = assets[ORDERS] ?? [];
    if (updates.length === 0) throw new Skip("no orders were updated");
    const days = updates.map(({ partition }) => partition ?? "all days").join(", ");
    const total = (key: string): number => sum(updates.map(({ metadata }) => Number(metadata?.[key] ?? 0)));
    return `${days}: ${total("rows")} orders of ${(total("cents") / 100).toFixed(2)}`;
  },
);

const none: Updates = {};

export const reportOrders = dag({ id: "report_orders", onAssets: [ORDERS], params: { assets: none } }, ({ assets }) => {
  report({ assets });
});

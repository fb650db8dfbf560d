/** Prints the table of measurements, and each as a line of JSON for `cargo xtask bench`. */
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";
import type { Measurement } from "./measure";

const short = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

export default class Table implements Reporter {
  private readonly rows: Measurement[] = [];

  onStdErr(chunk: string | Buffer): void {
    process.stderr.write(chunk);
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    for (const { type, description } of result.annotations)
      if (type === "measurement" && description) this.rows.push(JSON.parse(description) as Measurement);
    console.error(`${result.status}: ${test.title} (${(result.duration / 1000).toFixed(1)} s)`);
    for (const error of result.errors) console.error(error.message);
  }

  onEnd(_result: FullResult): void {
    for (const row of this.rows) console.log(JSON.stringify({ ...row, figure: `ui: ${row.figure}` }));
    const width = Math.max(11, ...this.rows.map(({ figure }) => figure.length));
    console.log(`\n| ${"measurement".padEnd(width)} | bar | measured | |\n|${"-".repeat(width + 2)}|---|---|---|`);
    for (const { figure, unit, median, target, better } of this.rows) {
      const bar = target === undefined ? "" : `${better === "higher" ? "≥" : "≤"} ${short(target)} ${unit}`;
      const held = target === undefined || (better === "higher" ? median >= target : median <= target);
      console.log(`| ${figure.padEnd(width)} | ${bar} | ${short(median)} ${unit} | ${held ? "" : "missed"} |`);
    }
  }

  printsToStdio(): boolean {
    return true;
  }
}

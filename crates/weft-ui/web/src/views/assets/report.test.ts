import { expect, test } from "vitest";
import { curl, reportOf, wfctl } from "./report";

const draft = { asset: "s3://lake/orders", partition: "", metadata: "" };

test("only what is filled in is sent", () => {
  expect(reportOf(draft)).toEqual({ asset: "s3://lake/orders" });
  expect(reportOf({ ...draft, partition: " 2026-11-26 ", metadata: '{"rows": 3}' })).toEqual({
    asset: "s3://lake/orders",
    partition: "2026-11-26",
    metadata: { rows: 3 },
  });
});

test("what cannot be sent is refused at its field", () => {
  const fields = [
    ["asset", { ...draft, asset: " " }],
    ["metadata", { ...draft, metadata: "{rows: 3}" }],
    ["metadata", { ...draft, metadata: "[1]" }],
    ["metadata", { ...draft, metadata: "null" }],
  ] as const;
  for (const [field, wrong] of fields) expect(() => reportOf(wrong)).toThrow(expect.objectContaining({ field }));
});

test("the commands hold the same, whatever its characters", () => {
  const report = { asset: "orders", partition: "it's; rm -rf $HOME", metadata: { by: "a'b" } };
  expect(wfctl(report)).toBe(
    `wfctl assets update orders --partition 'it'\\''s; rm -rf $HOME' --metadata '{"by":"a'\\''b"}'`,
  );
  expect(curl(report, "http://weft")).toContain(
    `-d '{"asset":"orders","partition":"it'\\''s; rm -rf $HOME","metadata":{"by":"a'\\''b"}}'`,
  );
  expect(wfctl({ asset: "a", partition: "-b" })).toBe("wfctl assets update a --partition=-b");
});

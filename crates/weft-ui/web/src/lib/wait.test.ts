import { describe, expect, it } from "vitest";
import { MAX_PAYLOAD_BYTES, payloadOf, waitOf } from "./wait";

describe("what an instance waits for", () => {
  it("is read from the API's text", () => {
    expect(waitOf("event/paid-17")).toEqual({ kind: "event", name: "paid-17" });
    expect(waitOf("run/0c3k5v7n9q1st")).toEqual({ kind: "run", run: "0c3k5v7n9q1st", called: false });
    expect(waitOf("call/0c3k5v7n9q1st")).toEqual({ kind: "run", run: "0c3k5v7n9q1st", called: true });
    expect(waitOf("dag/daily/-5")).toEqual({ kind: "dag", dag: "daily", date: "1969-12-31T23:59:59.995Z" });
  });
  it("is a task of another run", () => {
    const run = { kind: "run", run: "0c3k5v7n9q1st", called: false, task: "load" };
    expect(waitOf("run_task/0c3k5v7n9q1st/load")).toEqual(run);
    const dag = { kind: "dag", dag: "daily", date: "1970-01-01T00:00:00.000Z", task: "load" };
    expect(waitOf("dag_task/daily/0/load")).toEqual(dag);
  });
  it("is an update of an asset", () => {
    const asset = { kind: "asset", asset: "s3://lake/orders", since: "1970-01-01T00:00:00.000Z" };
    expect(waitOf("asset/0/s3://lake/orders")).toEqual(asset);
    expect(waitOf("asset/0/s3://lake/orders north / east")).toEqual({ ...asset, partition: "north / east" });
  });
  it("is an answer, with the one that counts in its stead", () => {
    expect(waitOf("approval/")).toEqual({ kind: "approval" });
    expect(waitOf("approval/reject")).toEqual({ kind: "approval", default: "reject" });
  });
  it("is nothing for a deferral until a time", () => {
    expect(waitOf(undefined)).toBeUndefined();
    expect(waitOf(null)).toBeUndefined();
  });
  it("stays readable where a newer server has another kind", () => {
    for (const text of [
      "file/a.txt",
      "event/",
      "dag/daily",
      "dag/daily/soon",
      "dag/daily/9000000000000000",
      "paid",
      "run_task/7",
      "dag_task/daily/0",
      "asset/soon/orders",
      "asset/0/",
    ])
      expect(waitOf(text)).toEqual({ kind: "unknown", text });
  });
});

describe("an event's payload", () => {
  it("is any JSON, and null where nothing was typed", () => {
    expect(payloadOf(' {"by": "ada"} ')).toEqual({ by: "ada" });
    expect(payloadOf("\n")).toBeNull();
  });
  it("is refused with what to do instead", () => {
    expect(() => payloadOf("paid")).toThrow(/no JSON.*quotes/);
    const longest = "ä".repeat((MAX_PAYLOAD_BYTES - 2) / 2);
    expect(payloadOf(`"${longest}"`)).toBe(longest);
    expect(() => payloadOf(`"${longest}ä"`)).toThrow(/65538 bytes/);
  });
});

import { expect, test } from "vitest";
import { filtered } from "./filter";

const list = [
  { asset: "s3://lake/orders", producers: [{ dag: "load", task: "Fetch" }], consumers: ["report"] },
  { asset: "customers", producers: [], consumers: ["report"] },
];
const names = (text: string) => filtered(list, text).map(({ asset }) => asset);

test("assets are found by name, task and DAG, in any case", () => {
  expect(names("")).toHaveLength(2);
  expect(names("LAKE/")).toEqual(["s3://lake/orders"]);
  expect(names("load/fetch")).toEqual(["s3://lake/orders"]);
  expect(names("report cust")).toEqual(["customers"]);
  expect(names("nothing")).toEqual([]);
});

import { expect, test } from "vitest";
import { vegaOf, vegaOfText } from "./vega";

const spec = { $schema: "https://vega.github.io/schema/vega-lite/v5.json", mark: "bar" };

test("a chart names its schema, or stands under its media type", () => {
  expect(vegaOf(spec)).toBe(spec);
  expect(vegaOf({ ...spec, $schema: "https://vega.github.io/schema/vega-lite/v6.1.0.json" })).toBeDefined();
  expect(vegaOf({ "application/vnd.vegalite.v5+json": { mark: "bar" }, "text/plain": "x" })).toEqual({ mark: "bar" });
  expect(vegaOfText(` ${JSON.stringify(spec)}`)).toEqual(spec);
});

test("anything else is no chart", () => {
  for (const value of [
    null,
    [spec],
    "x",
    { mark: "bar" },
    { $schema: "https://vega.github.io/schema/vega/v5.json" },
    { $schema: "https://evil.example/vega.github.io/schema/vega-lite/v5.json" },
    { "application/vnd.vegalite.v5+json": "x" },
  ])
    expect(vegaOf(value)).toBeUndefined();
  expect(vegaOfText('{"vega"')).toBeUndefined();
});

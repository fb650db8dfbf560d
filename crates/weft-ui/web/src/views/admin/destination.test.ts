import { expect, test } from "vitest";
import { bodyOf, draftOf } from "./destination";

test("a body has the settings of its kind alone", () => {
  const draft = { ...draftOf(undefined), url: "https://a.example/x", routing_key: "k", secret: "s", host: "h" };
  expect(bodyOf({ ...draft, kind: "slack" })).toEqual({
    kind: "slack",
    on: ["failure", "recovery"],
    dags: [],
    tags: [],
    url: "https://a.example/x",
    fold_wait_ms: 10_000,
    fold_interval_ms: 300_000,
  });
  expect(bodyOf({ ...draft, kind: "pagerduty", url: "" })).toMatchObject({ routing_key: "k" });
  expect(bodyOf({ ...draft, kind: "pagerduty", url: "" })).not.toHaveProperty("url");
  expect(bodyOf({ ...draft, kind: "webhook" })).toHaveProperty("secret", "s");
});

test("names stand between commas", () => {
  const mail = { ...draftOf(undefined), kind: "email" as const, to: "a@b, C D <c@d> ,", tags: "very critical" };
  expect(bodyOf(mail)).toMatchObject({ to: ["a@b", "C D <c@d>"], tags: ["very critical"], tls: "implicit" });
  expect(bodyOf({ ...mail, port: "587" })).toHaveProperty("port", 587);
});

test("PagerDuty is sent what it takes", () => {
  const on = ["failure", "success", "retry"] as const;
  expect(bodyOf({ ...draftOf(undefined), kind: "pagerduty", on }).on).toEqual(["failure"]);
});

test("what is no number is refused at its field", () => {
  const draft = { ...draftOf(undefined), kind: "email" as const };
  expect(() => bodyOf({ ...draft, port: "x" })).toThrow(/65535/);
  expect(() => bodyOf({ ...draft, wait: "-1" })).toThrow(/seconds/);
  expect(bodyOf({ ...draft, wait: "0.5" })).toHaveProperty("fold_wait_ms", 500);
});

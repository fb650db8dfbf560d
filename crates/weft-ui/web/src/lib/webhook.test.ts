import { expect, test } from "vitest";
import type { Webhook } from "../api/types";
import { examplePayload, exampleRequest, isPointer } from "./webhook";

const hook = (more: Partial<Webhook>): Webhook => ({
  name: "push",
  dag: "build",
  path: "/hooks/0f",
  form: "weft",
  params: {},
  events: [],
  created: "2026-11-25T19:00:00Z",
  created_by: "token/1",
  ...more,
});
const payload = (more: Partial<Webhook>) => JSON.parse(examplePayload(hook(more), (name) => name));

test("pointers are those of RFC 6901", () => {
  for (const good of ["", "/", "/a/0/b", "/a~1b/~0"]) expect(isPointer(good)).toBe(true);
  for (const bad of ["a", "/a~2", "/a~", " /a"]) expect(isPointer(bad)).toBe(false);
});

test("an example's payload has what the pointers look for", () => {
  const params = { repo: "/repository/name", first: "/commits/0/id", odd: "/a~1b/~0", all: "", proto: "/__proto__/x" };
  const found = payload({ params });
  expect(found.repository).toEqual({ name: "repo" });
  expect(found.commits).toEqual([{ id: "first" }]);
  expect(found["a/b"]).toEqual({ "~": "odd" });
  expect(Object.getOwnPropertyDescriptor(found, "__proto__")?.value).toEqual({ x: "proto" });
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test("pointers that exclude one another leave the first", () => {
  expect(payload({ params: { a: "/x", b: "/x/y" } })).toEqual({ x: "a" });
  expect(payload({ params: { a: "/x/0", b: "/x/y" } })).toEqual({ x: ["a"] });
  expect(payload({ params: { a: "/x/y", b: "/x" } })).toEqual({ x: { y: "a" } });
});

test("the event's type is where the form has it", () => {
  const events = ["invoice.paid"];
  expect(payload({ events })).toEqual({ type: "invoice.paid" });
  expect(payload({ events, form: "stripe" })).toEqual({ id: "evt_example", type: "invoice.paid" });
  expect(payload({ events, form: "github" })).toEqual({});
  const request = exampleRequest(hook({ events: ["it's"], form: "github" }), "https://a.example/hooks/0f", () => 1);
  expect(request).toContain(`-H 'X-GitHub-Event: it'\\''s'`);
  expect(request).toContain("X-Hub-Signature-256: sha256=$digest");
});

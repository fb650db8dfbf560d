import { describe, expect, it } from "vitest";
import { bodyOf, command, commentProblem, filled, formOf, ordered, refusal, refusedField, valuesOf } from "./answer";

const form = formOf({
  type: "object",
  properties: {
    share: { type: "integer", maximum: 100, default: 10 },
    why: { type: "string" },
    sure: { type: "boolean" },
    note: { type: "string" },
  },
  required: ["why", "sure"],
});

describe("a form", () => {
  it("has a field for each property", () => {
    expect(form.params.map((p) => [p.name, p.required, p.default])).toEqual([
      ["share", false, 10],
      ["why", true, undefined],
      ["sure", true, undefined],
      ["note", false, undefined],
    ]);
    expect(Object.fromEntries(filled(form))).toEqual({ share: "10", why: "", sure: "false", note: "" });
    expect(formOf(undefined).params).toEqual([]);
  });
  it("says what is wrong, and leaves out what is optional and empty", () => {
    const texts = new Map(filled(form));
    expect(valuesOf(form, texts).wrong).toEqual(new Map([["why", "A value is needed"]]));
    texts.set("why", "tested").set("share", "1000");
    expect(valuesOf(form, texts).wrong.get("share")).toContain("maximum of 100");
    texts.set("share", "50");
    expect(valuesOf(form, texts)).toEqual({ fields: { share: 50, why: "tested", sure: false }, wrong: new Map() });
  });
  it("is one field where its schema is no list of properties", () => {
    for (const schema of [
      true,
      { type: "object" },
      { $ref: "#/x", properties: { a: {} } },
      { properties: { a: {} }, required: ["b"] },
    ])
      expect(formOf(schema).whole).toBe(true);
    const whole = formOf({ type: "object" });
    expect(valuesOf(whole, new Map([["fields", '{"a": 1}']]))).toEqual({ fields: { a: 1 }, wrong: new Map() });
    expect(valuesOf(whole, new Map([["fields", "[1]"]])).wrong.get("fields")).toContain("no object");
    expect(valuesOf(whole, filled(whole)).fields).toEqual({});
  });
  it("may have properties of any name", () => {
    const odd = formOf(
      JSON.parse('{"properties": {"__proto__": {"type": "string"}, "constructor": {"type": "string"}}}'),
    );
    const texts = new Map([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
    expect(JSON.stringify(valuesOf(odd, texts).fields)).toBe('{"__proto__":"a","constructor":"b"}');
    expect(valuesOf(odd, filled(odd)).wrong.size).toBe(0);
  });
});

describe("an answer", () => {
  it("has what was typed", () => {
    expect(bodyOf("approve", " ", {})).toEqual({ option: "approve" });
    expect(bodyOf("reject", " too early ", { a: 1 })).toEqual({
      option: "reject",
      comment: "too early",
      fields: { a: 1 },
    });
    expect(commentProblem("ä".repeat(2048))).toBeUndefined();
    expect(commentProblem("ä".repeat(2049))).toContain("4098");
  });
  it("is offered with `approve` first and `reject` last", () => {
    expect(ordered(["reject", "south", "approve", "north"])).toEqual(["approve", "south", "north", "reject"]);
  });
  it("is a command as well", () => {
    const at = { run: "0c3k5v7n9q1st", task: "release", index: 0 };
    expect(command(at, { option: "approve", comment: "looks good" })).toBe(
      "wfctl approvals approve 0c3k5v7n9q1st release --comment 'looks good'",
    );
    expect(command({ ...at, index: 2 }, { option: "south", fields: { rows: 100, note: "100" } })).toBe(
      `wfctl approvals answer 0c3k5v7n9q1st release south --index 2 --field rows=100 --field 'note="100"'`,
    );
  });
});

describe("a refusal", () => {
  it("belongs to the field that it is about", () => {
    const at = (why: string) => refusedField(why, form);
    expect(at("the values don't fit the form: at /share: 1000 is greater than the maximum of 100")).toBe("share");
    expect(at('the values don\'t fit the form: "why" is a required property')).toBe("why");
    expect(at("a comment has at most 4096 bytes, and this one has 5000")).toBe("comment");
    expect(at("the values don't fit the form: at /other: no")).toBeUndefined();
    expect(refusedField("the values don't fit the form: no", formOf({}))).toBe("fields");
  });
  it("is a sentence where nothing can be corrected", () => {
    expect(refusal("approval_decided", {})).toContain("faster");
    expect(refusal("approval_forbidden", { approvers: ["ada", "grace"] })).toContain("ada, grace");
    expect(refusal("unreachable", {})).toBeUndefined();
  });
});

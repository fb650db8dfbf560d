import { expect, test } from "vitest";
import { ApiError } from "../api/client";
import { FieldError, fieldOf } from "./refusal";

const FIELDS = ["name", "on", "url", "host", "to", "from", "password", "title", "text", "params"];
const refusal = (message: string) => new ApiError(422, "invalid_value", message);

test("a message that begins with a field's name is shown at it", () => {
  for (const [message, field] of [
    ["url is missing", "url"],
    ["the url must begin with https:// or http://", "url"],
    ["the url's host: it is empty", "url"],
    ["on: name at least one of success, failure, recovery, retry", "on"],
    ["to names 1 to 50 mailboxes", "to"],
    ['from: "a" is no mailbox', "from"],
    ["a password needs a username", "password"],
    ["the template title fails: undefined value", "title"],
    ["params: the DAG build has no parameter repo", "params"],
  ] as const)
    expect(fieldOf(refusal(message), FIELDS)).toBe(field);
});

test("other messages belong to the form", () => {
  for (const message of ["a destination names at most 50 DAGs", "The server can't be reached", ""])
    expect(fieldOf(refusal(message), FIELDS)).toBeUndefined();
  expect(fieldOf("url is missing", FIELDS)).toBeUndefined();
});

test("a path says more than the message, and the form's own finding is at its field", () => {
  const problems = [{ code: "invalid_value", path: "/to/0", message: "is no mailbox" }];
  expect(fieldOf(new ApiError(422, "invalid", "url is missing", undefined, undefined, problems), FIELDS)).toBe("to");
  const beyond = new ApiError(422, "refused_by_policy", "the destination goes beyond the policy");
  expect(fieldOf(beyond, FIELDS)).toBeUndefined();
  expect(fieldOf(beyond, FIELDS, { refused_by_policy: "url" })).toBe("url");
  expect(fieldOf(new FieldError("wait", "not a number"), FIELDS)).toBe("wait");
});

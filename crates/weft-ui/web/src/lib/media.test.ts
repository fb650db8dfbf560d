import { describe, expect, it } from "vitest";
import { mediaOf } from "./media";

const of = (text: string) => mediaOf(new TextEncoder().encode(text));

describe("bytes of a guest", () => {
  it("are what they begin with", () => {
    expect(mediaOf(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0))).toBe("image/png");
    expect(mediaOf(Uint8Array.of(1, 0, 2))).toBeUndefined();
    expect(mediaOf(Uint8Array.of(0xff, 0xfe, 0x41))).toBeUndefined();
    expect(of('<?xml version="1.0"?><svg onload="x()">')).toBe("image/svg+xml");
    expect(of("<html><svg>")).toBe("text/plain");
    expect(of("a,b\n1,2\n")).toBe("text/plain");
  });
});

import { describe, expect, it } from "vitest";
import { SseParser } from "./sse";

describe("server-sent events", () => {
  it("come whole however they are cut", () => {
    const text = ': hello\n\nevent: lines\nid: 2\ndata: {"a":\ndata: 1}\n\nevent: end\ndata: {}\n\n';
    for (const size of [1, 3, 7, 100]) {
      const parser = new SseParser();
      const out = [];
      for (let i = 0; i < text.length; i += size) out.push(...parser.push(text.slice(i, i + size)));
      expect(out).toEqual([
        { type: "lines", data: '{"a":\n1}', id: "2" },
        { type: "end", data: "{}", id: "2" },
      ]);
    }
  });
});

/** Reads server-sent events from a response's body: for streams that need a header, which EventSource can't send. */

export interface ServerEvent {
  type: string;
  data: string;
  id: string;
}

/** Splits a text stream into events; what is incomplete stays for the next piece. */
export class SseParser {
  private rest = "";
  private id = "";

  push(text: string): ServerEvent[] {
    const all = this.rest + text.replaceAll("\r\n", "\n");
    const blocks = all.split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => this.read(block) ?? []);
  }

  private read(block: string): ServerEvent | undefined {
    let type = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "event") type = value;
      else if (name === "data") data.push(value);
      else if (name === "id") this.id = value;
    }
    return data.length > 0 ? { type, data: data.join("\n"), id: this.id } : undefined;
  }
}

export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

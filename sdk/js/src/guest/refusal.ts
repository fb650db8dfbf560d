/** What a function of the host answered instead of its result: the engine throws an `Error` around it. */

export interface Variant {
  tag: string;
  val?: unknown;
}

/** The name of an enum's case, or a variant's. */
export function refusal(error: unknown): Variant {
  const { payload } = error as { payload?: string | Variant };
  if (typeof payload === "string") return { tag: payload };
  if (typeof payload === "object" && payload !== null) return payload;
  // Not the host's words: a fault of this program.
  throw error;
}

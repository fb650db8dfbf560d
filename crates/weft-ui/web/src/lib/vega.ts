/** Which outputs are Vega-Lite charts. Pure. */

const SCHEMA = /^https:\/\/vega\.github\.io\/schema\/vega-lite\/v[56](\.\d+){0,2}\.json$/;
const TYPES = ["application/vnd.vegalite.v6+json", "application/vnd.vegalite.v5+json"];
/** Larger texts are not tried. */
const MAX_CHARS = 4 << 20;

export type VegaSpec = Record<string, unknown>;

const isObject = (value: unknown): value is VegaSpec =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** A value that names Vega-Lite's schema, or has a chart under its media type, as notebooks write it. */
export function vegaOf(value: unknown): VegaSpec | undefined {
  if (!isObject(value)) return undefined;
  for (const type of TYPES) {
    const under = value[type];
    if (isObject(under)) return under;
  }
  return typeof value.$schema === "string" && SCHEMA.test(value.$schema) ? value : undefined;
}

/** The same of a text that is JSON. */
export function vegaOfText(text: string): VegaSpec | undefined {
  if (text.length > MAX_CHARS || !/^\s*\{/.test(text) || !text.includes("vega")) return undefined;
  try {
    return vegaOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

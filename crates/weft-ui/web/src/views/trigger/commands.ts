/** The same request for a shell: wfctl and curl. Pure. */
import { shell } from "../../lib/text";

export interface Request {
  dag: string;
  params: Record<string, unknown>;
  /** Of another version than the active one. */
  version?: number | undefined;
  logicalDate?: string | undefined;
  notBefore?: string | undefined;
}

/** A value as `wfctl` reads it. */
export const asText = (value: unknown): string => {
  // A text that reads as JSON must stay a text.
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
};

export function wfctl({ dag, params, version, logicalDate, notBefore }: Request): string {
  const lines = [`wfctl runs trigger ${shell(dag)}`];
  for (const [name, value] of Object.entries(params)) lines.push(`  --param ${shell(`${name}=${asText(value)}`)}`);
  if (version) lines.push(`  --dag-version ${version}`);
  if (logicalDate) lines.push(`  --logical-date ${shell(logicalDate)}`);
  if (notBefore) lines.push(`  --at ${shell(notBefore)}`);
  lines.push("  --watch");
  return lines.join(" \\\n");
}

export function body({ params, version, logicalDate, notBefore }: Omit<Request, "dag">): Record<string, unknown> {
  return {
    ...(version ? { version } : {}),
    ...(logicalDate ? { logical_date: logicalDate } : {}),
    ...(notBefore ? { not_before: notBefore } : {}),
    ...(Object.keys(params).length > 0 ? { params } : {}),
  };
}

export function curl(request: Request, server: string, key: string): string {
  const json = JSON.stringify(body(request), null, 2).replaceAll("'", "'\\''");
  return [
    `curl ${server}/api/v1/dags/${encodeURIComponent(request.dag)}/runs`,
    '  -H "Authorization: Bearer $WEFT_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -H 'Idempotency-Key: ${key}'`,
    `  -d '${json}'`,
  ].join(" \\\n");
}

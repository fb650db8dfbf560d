/** A report of an update: what a form says as the API's request, and as commands. Pure. */
import type { Report } from "../../api/assets";
import { FieldError } from "../../lib/refusal";
import { shell } from "../../lib/text";

export interface Draft {
  asset: string;
  partition: string;
  /** A JSON object, or nothing. */
  metadata: string;
}

/** Throws a `FieldError` for what cannot be sent. */
export function reportOf({ asset, partition, metadata }: Draft): Report {
  if (!asset.trim()) throw new FieldError("asset", "An update needs the name of its asset.");
  return {
    asset: asset.trim(),
    ...(partition.trim() ? { partition: partition.trim() } : {}),
    ...(metadata.trim() ? { metadata: objectOf(metadata) } : {}),
  };
}

function objectOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FieldError("metadata", `This is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new FieldError("metadata", 'Metadata is an object, such as {"rows": 3}.');
  return value as Record<string, unknown>;
}

/** A value that begins with a hyphen would be taken for an option. */
const option = (name: string, value: string): string => ` --${name}${value.startsWith("-") ? "=" : " "}${shell(value)}`;

export function wfctl({ asset, partition, metadata }: Report): string {
  const options = [
    partition ? option("partition", partition) : "",
    metadata ? option("metadata", JSON.stringify(metadata)) : "",
  ].join("");
  return `wfctl assets update ${shell(asset)}${options}`;
}

export function curl(report: Report, server: string): string {
  return [
    `curl ${server}/api/v1/assets/updates`,
    '  -H "Authorization: Bearer $WEFT_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -d '${JSON.stringify(report).replaceAll("'", "'\\''")}'`,
  ].join(" \\\n");
}

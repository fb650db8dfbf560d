/** At which field of a form a refusal belongs. Pure. */

/** What a form itself finds wrong with a field, before anything is sent. */
export class FieldError extends Error {
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
    this.name = "FieldError";
  }
}

interface Refusal {
  message: string;
  code?: string;
  problems?: readonly { path?: string | null | undefined; message: string }[] | undefined;
}

/** The API's messages about one field begin with its name: `to names 1 to 50 mailboxes`, `the url's host: …`. */
const FIRST_NAME = /^(?:the |a |an )?(?:template )?(\w+)/i;

/** The field that a refusal is about; undefined if it is about none of these. `codes`: problems that are always about one field. */
export function fieldOf(
  error: unknown,
  fields: readonly string[],
  codes: Readonly<Record<string, string>> = {},
): string | undefined {
  if (error instanceof FieldError) return error.field;
  if (!(error instanceof Error)) return undefined;
  const { message, code, problems } = error as Refusal;
  const paths = (problems ?? []).map((problem) => problem.path?.split(/[/.]/).find(Boolean));
  const named = [code && codes[code], ...paths, FIRST_NAME.exec(message)?.[1]?.toLowerCase()];
  return named.find((name) => name && fields.includes(name)) || undefined;
}

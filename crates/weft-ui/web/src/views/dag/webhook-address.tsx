/** What a sender needs of a webhook: its address, its secret once, and how a request is signed. */
import type { ParamDetail, Webhook, WebhookForm } from "../../api/types";
import { serverUrl } from "../../lib/base";
import { exampleRequest, SECRET_FILE } from "../../lib/webhook";
import { CopyButton } from "../../parts/text";
import { schemaOf } from "../trigger/params";

export const FORM_NAME: Record<WebhookForm, string> = { weft: "Weft", github: "GitHub", stripe: "Stripe" };

const urlOf = (hook: Webhook): string => `${serverUrl()}${hook.path}`;

export function Address({ hook }: { hook: Webhook }) {
  return (
    <div className="copied">
      <code className="pre">{urlOf(hook)}</code>
      <CopyButton text={urlOf(hook)} label="Copy URL" />
    </div>
  );
}

/** A value that a parameter takes: its default, one of its choices, or one of its type. */
function exampleOf(param: ParamDetail | undefined): unknown {
  const schema = param && schemaOf(param);
  if (param?.default !== undefined && param.default !== null) return param.default;
  if (schema?.enum?.length) return schema.enum[0];
  switch (schema?.type) {
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return {};
    default:
      return "example";
  }
}

export function Example({ hook, params }: { hook: Webhook; params: readonly ParamDetail[] }) {
  const text = exampleRequest(hook, urlOf(hook), (name) => exampleOf(params.find((param) => param.name === name)));
  return (
    <div className="col g8">
      <span className="mut">
        The file <code>{SECRET_FILE}</code> has the webhook's secret.
      </span>
      <pre className="pre wrap">{text}</pre>
      <div>
        <CopyButton text={text} label="Copy the example" />
      </div>
    </div>
  );
}

/** The secret is in the answer that made it, and nowhere else. */
export function SecretOnce({ secret }: { secret: string }) {
  return (
    <div className="col g4" role="status">
      <b>The secret, shown only now:</b>
      <div className="copied">
        <code className="pre">{secret}</code>
        <CopyButton text={secret} label="Copy secret" />
      </div>
    </div>
  );
}

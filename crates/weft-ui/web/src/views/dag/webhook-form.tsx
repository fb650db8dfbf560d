/** Adds a webhook: how its requests are signed, which events count, where parameters come from. Then its secret, once. */
import { useState } from "react";
import { useReread } from "../../api/acts";
import { post, seg } from "../../api/client";
import type { CreatedWebhook, DagDetail, WebhookForm as Form, NewWebhook } from "../../api/types";
import { FieldError } from "../../lib/refusal";
import { Segments } from "../../parts/controls";
import { DialogFrame } from "../../parts/dialog";
import { FormDialog, FormGroup, TextField } from "../../parts/form";
import { UntrustedText } from "../../parts/text";
import { Address, Example, FORM_NAME, SecretOnce } from "./webhook-address";
import { Mapping, type Source, sourcesOf } from "./webhook-mapping";
import { SecretChoice } from "./webhook-secret";

const FORMS = (["weft", "github", "stripe"] as const).map((id) => ({ id, label: FORM_NAME[id] }));

const SIGNED: Record<Form, string> = {
  weft: "Weft-Signature: HMAC-SHA-256 of the time and the body. For programs of your own, and for another Weft.",
  github: "X-Hub-Signature-256: HMAC-SHA-256 of the body, as GitHub sends it.",
  stripe:
    "Stripe-Signature. Stripe makes the secret itself: add the webhook, register its URL there, then replace the secret here.",
};

const EVENTS: Record<Form, string> = {
  weft: "As the payload's field type says.",
  github: "As the header field X-GitHub-Event says. A ping triggers nothing.",
  stripe: "As the payload's field type says.",
};

const EXAMPLE: Record<Form, string> = { weft: "order.paid", github: "push, release", stripe: "invoice.paid" };

const FIELDS = ["name", "form", "events", "params", "secret"];
const CODES = { webhook_exists: "name" };

export function WebhookForm({ dag, onClose }: { dag: DagDetail; onClose: () => void }) {
  const [name, setName] = useState("");
  const [form, setForm] = useState<Form>("weft");
  const [events, setEvents] = useState("");
  const [sources, setSources] = useState<Readonly<Record<string, Source>>>({});
  const [secret, setSecret] = useState<string>();
  const [made, setMade] = useState<CreatedWebhook>();
  const reread = useReread();
  if (made) return <Made made={made} dag={dag} own={secret !== undefined} onClose={onClose} />;
  const act = async () => {
    if (!name.trim()) throw new FieldError("name", "A webhook needs a name.");
    const body: NewWebhook = {
      name: name.trim(),
      form,
      params: sourcesOf(sources),
      events: events.split(",").flatMap((event) => event.trim() || []),
      ...(secret === undefined ? {} : { secret }),
    };
    setMade(await post<CreatedWebhook>(`dags/${seg(dag.id)}/webhooks`, body));
    await reread(["webhooks", dag.id]);
  };
  return (
    <FormDialog title="Add a webhook" action="Add" act={act} onClose={onClose} fields={FIELDS} codes={CODES}>
      {(refused) => (
        <>
          <TextField
            label="Name"
            value={name}
            onChange={setName}
            error={refused("name")}
            hint="Runs say by which webhook they were created."
          />
          <FormGroup label="Signature" hint={SIGNED[form]}>
            <Segments label="Signature" value={form} options={FORMS} onChange={setForm} />
          </FormGroup>
          <TextField
            label="Only events of these types"
            value={events}
            onChange={setEvents}
            placeholder={`all, or such as ${EXAMPLE[form]}`}
            error={refused("events")}
            hint={EVENTS[form]}
          />
          {dag.params.length > 0 && (
            <Mapping params={dag.params} sources={sources} onChange={setSources} error={refused("params")} />
          )}
          <SecretChoice value={secret} onChange={setSecret} error={refused("secret")} />
        </>
      )}
    </FormDialog>
  );
}

interface MadeProps {
  made: CreatedWebhook;
  dag: DagDetail;
  /** The person has entered the secret, so they know it. */
  own: boolean;
  onClose: () => void;
}

function Made({ made: { webhook, secret }, dag, own, onClose }: MadeProps) {
  return (
    <DialogFrame
      title={
        <>
          The webhook <UntrustedText>{webhook.name}</UntrustedText> is added
        </>
      }
      onClose={onClose}
      stays={!own}
      foot={
        <button type="button" className="btn pri" onClick={onClose}>
          Done
        </button>
      }
    >
      <div className="col g16">
        {!own && <SecretOnce secret={secret} />}
        <div className="col g4">
          <b>The URL to give to the sender:</b>
          <Address hook={webhook} />
        </div>
        <details className="form-more">
          <summary>Example of a request</summary>
          <Example hook={webhook} params={dag.params} />
        </details>
      </div>
    </DialogFrame>
  );
}

/** The secret of a webhook: a new one, which is shown once, or one that the other system made. */
import { useState } from "react";
import { put, useReread } from "../../api/acts";
import { webhookPath } from "../../api/notify";
import type { CreatedWebhook, DagDetail, Webhook } from "../../api/types";
import { Segments } from "../../parts/controls";
import { DialogFrame } from "../../parts/dialog";
import { FormDialog, FormGroup, TextField } from "../../parts/form";
import { UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { SecretOnce } from "./webhook-address";

const ORIGINS = [
  { id: "new", label: "Weft makes a new one" },
  { id: "own", label: "The other system made it" },
] as const;

interface ChoiceProps {
  /** What the other system made; undefined for a new one. */
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  error: string | undefined;
}

export function SecretChoice({ value, onChange, error }: ChoiceProps) {
  return (
    <>
      <FormGroup label="Secret">
        <Segments
          label="Secret"
          value={value === undefined ? "new" : "own"}
          options={ORIGINS}
          onChange={(origin) => onChange(origin === "new" ? undefined : "")}
        />
      </FormGroup>
      {value !== undefined && (
        <TextField
          label="The other system's secret"
          secret
          value={value}
          onChange={onChange}
          error={error}
          hint="At least 16 characters."
        />
      )}
    </>
  );
}

export function WebhookSecret({ dag, hook, onClose }: { dag: DagDetail; hook: Webhook; onClose: () => void }) {
  const [secret, setSecret] = useState<string | undefined>(hook.form === "stripe" ? "" : undefined);
  const [shown, setShown] = useState<string>();
  const reread = useReread();
  const name = <UntrustedText>{hook.name}</UntrustedText>;
  if (shown !== undefined) {
    return (
      <DialogFrame
        title={<>The secret of {name} is replaced</>}
        onClose={onClose}
        stays
        foot={
          <button type="button" className="btn pri" onClick={onClose}>
            Done
          </button>
        }
      >
        <SecretOnce secret={shown} />
      </DialogFrame>
    );
  }
  const act = async () => {
    const answer = await put(`${webhookPath(dag.id, hook.name)}/secret`, secret === undefined ? {} : { secret });
    await reread(["webhooks", dag.id]);
    if (secret === undefined) {
      setShown(((await answer.json()) as CreatedWebhook).secret);
      return;
    }
    announce(`The secret of ${hook.name} is replaced`);
    onClose();
  };
  return (
    <FormDialog
      title={<>Replace the secret of {name}</>}
      action="Replace"
      act={act}
      onClose={onClose}
      fields={["secret"]}
    >
      {(refused) => (
        <>
          <p>Requests that are signed with the earlier secret are refused from then on.</p>
          <SecretChoice value={secret} onChange={setSecret} error={refused("secret")} />
        </>
      )}
    </FormDialog>
  );
}

/** The form of a destination: by its kind, how it is reached; what it is notified of, and of which DAGs. */
import { useState } from "react";
import { put, useReread } from "../../api/acts";
import { destinationPath } from "../../api/notify";
import type { Destination } from "../../api/types";
import { FieldError } from "../../lib/refusal";
import { Segments } from "../../parts/controls";
import { FormDialog, FormGroup, TextField } from "../../parts/form";
import { UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { bodyOf, type Draft, draftOf, FIELDS, KINDS, OCCASIONS, takes } from "./destination";

interface Props {
  /** The one that is replaced; none for a new one. */
  old: Destination | undefined;
  taken: readonly string[];
  onClose: () => void;
}

/** What every field of the form gets. */
interface Fields {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  refused: (field: string) => string | undefined;
}

const CODES = { refused_by_policy: "url", invalid_id: "name" };

export function DestinationForm({ old, taken, onClose }: Props) {
  const [draft, setDraft] = useState(() => draftOf(old));
  const reread = useReread();
  const set = (change: Partial<Draft>) => setDraft((was) => ({ ...was, ...change }));
  const act = async () => {
    const name = draft.name.trim();
    if (!name) throw new FieldError("name", "A destination needs a name.");
    if (!old && taken.includes(name))
      throw new FieldError("name", "There is a destination of this name. Replace that one, or choose another name.");
    await put(destinationPath(name), bodyOf(draft));
    announce(`The destination ${name} is set`);
    await reread(["destinations"]);
    onClose();
  };
  return (
    <FormDialog
      title={
        old ? (
          <>
            Replace <UntrustedText>{old.name}</UntrustedText>
          </>
        ) : (
          "Add a destination"
        )
      }
      action={old ? "Replace" : "Add"}
      act={act}
      onClose={onClose}
      fields={FIELDS}
      codes={CODES}
    >
      {(refused) => {
        const fields = { draft, set, refused };
        return (
          <>
            {old ? (
              <p className="mut">How it is reached is a secret that is never shown: enter it again.</p>
            ) : (
              <TextField label="Name" value={draft.name} onChange={(name) => set({ name })} error={refused("name")} />
            )}
            <FormGroup label="Kind">
              <Segments label="Kind" value={draft.kind} options={KINDS} onChange={(kind) => set({ kind })} />
            </FormGroup>
            {draft.kind === "email" ? <MailFields {...fields} /> : <HttpFields {...fields} />}
            <WhatFields {...fields} />
            <MoreFields {...fields} />
          </>
        );
      }}
    </FormDialog>
  );
}

const URL_HINTS = {
  slack: "An incoming webhook of Slack, Mattermost, or of what takes the same. It is kept secret.",
  webhook: "Each message is a POST of JSON. The URL is kept secret.",
  pagerduty: "Only for a service that takes the same events as PagerDuty.",
  email: "",
};

function HttpFields({ draft, set, refused }: Fields) {
  const { kind } = draft;
  return (
    <>
      {kind === "pagerduty" && (
        <TextField
          label="Routing key"
          secret
          value={draft.routing_key}
          onChange={(routing_key) => set({ routing_key })}
          error={refused("routing_key")}
          hint="The key of an Events API v2 integration."
        />
      )}
      <TextField
        label={kind === "pagerduty" ? "URL, if it is not PagerDuty's own" : "URL"}
        mono
        value={draft.url}
        onChange={(url) => set({ url })}
        placeholder={kind === "slack" ? "https://hooks.slack.com/services/…" : "https://"}
        error={refused("url")}
        hint={URL_HINTS[kind]}
      />
      {kind === "webhook" && (
        <TextField
          label="Secret, to have messages signed"
          secret
          value={draft.secret}
          onChange={(secret) => set({ secret })}
          error={refused("secret")}
          hint="The receiver checks the header field Weft-Signature with it."
        />
      )}
    </>
  );
}

const TLS = [
  { id: "implicit", label: "From the first byte" },
  { id: "starttls", label: "STARTTLS" },
] as const;

function MailFields({ draft, set, refused }: Fields) {
  return (
    <>
      <div className="form-two">
        <TextField
          label="SMTP server"
          value={draft.host}
          onChange={(host) => set({ host })}
          placeholder="smtp.example.org"
          error={refused("host")}
        />
        <TextField
          label="Port"
          numeric
          value={draft.port}
          onChange={(port) => set({ port })}
          placeholder={draft.tls === "starttls" ? "587" : "465"}
          error={refused("port")}
        />
      </div>
      <FormGroup label="TLS" error={refused("tls")} hint="A server without TLS is refused.">
        <Segments label="TLS" value={draft.tls} options={TLS} onChange={(tls) => set({ tls })} />
      </FormGroup>
      <div className="form-two">
        <TextField
          label="User name, if it needs one"
          value={draft.username}
          onChange={(username) => set({ username })}
          error={refused("username")}
        />
        <TextField
          label="Password"
          secret
          value={draft.password}
          onChange={(password) => set({ password })}
          error={refused("password")}
        />
      </div>
      <TextField
        label="From"
        value={draft.from}
        onChange={(from) => set({ from })}
        placeholder="Weft <weft@example.org>"
        error={refused("from")}
      />
      <TextField
        label="To"
        value={draft.to}
        onChange={(to) => set({ to })}
        placeholder="ops@example.org, on-call@example.org"
        error={refused("to")}
        hint="Several mailboxes are separated by commas."
      />
    </>
  );
}

function WhatFields({ draft, set, refused }: Fields) {
  const on = new Set(draft.on);
  return (
    <>
      <FormGroup
        label="Notified of"
        error={refused("on")}
        hint={
          draft.kind === "pagerduty"
            ? "A failure triggers an incident of its DAG, and the DAG's recovery resolves it. A missed deadline triggers one of its own."
            : undefined
        }
      >
        <div className="form-checks">
          {OCCASIONS.filter((o) => takes(draft.kind, o.id)).map((o) => (
            <label key={o.id} className="check">
              <input
                type="checkbox"
                checked={on.has(o.id)}
                onChange={(e) =>
                  set({ on: OCCASIONS.map((x) => x.id).filter((x) => (x === o.id ? e.target.checked : on.has(x))) })
                }
              />
              <span>
                {o.label} <span className="mut">{o.about}</span>
              </span>
            </label>
          ))}
        </div>
      </FormGroup>
      <div className="form-two">
        <TextField
          label="Only these DAGs"
          value={draft.dags}
          onChange={(dags) => set({ dags })}
          placeholder="all"
          error={refused("dags")}
        />
        <TextField
          label="Or with one of these tags"
          value={draft.tags}
          onChange={(tags) => set({ tags })}
          placeholder="any"
          error={refused("tags")}
        />
      </div>
    </>
  );
}

const MORE = ["fold_wait_ms", "fold_interval_ms", "title", "text"];

/** Open from the start where a template is set, and when one of its fields is refused. */
function MoreFields({ draft, set, refused }: Fields) {
  const [opened, setOpened] = useState(Boolean(draft.title || draft.text));
  const open = opened || MORE.some((field) => refused(field) !== undefined);
  return (
    <details className="form-more" open={open} onToggle={(e) => setOpened(e.currentTarget.open)}>
      <summary>Folding and templates</summary>
      <div className="col g16">
        <div className="form-two">
          <TextField
            label="A failure waits for others, in s"
            numeric
            value={draft.wait}
            onChange={(wait) => set({ wait })}
            error={refused("fold_wait_ms")}
            hint="Failures of one cause become one message."
          />
          <TextField
            label="Between messages of a cause, in s"
            numeric
            value={draft.interval}
            onChange={(interval) => set({ interval })}
            error={refused("fold_interval_ms")}
          />
        </div>
        <TextField
          label="Template of the title"
          mono
          value={draft.title}
          onChange={(title) => set({ title })}
          placeholder="{{ dag }} failed"
          error={refused("title")}
          hint="In the language of Jinja: on, tenant, dag, dags, run, runs, count, cause, first, last."
        />
        <TextField
          label="Template of the text"
          rows={4}
          value={draft.text}
          onChange={(text) => set({ text })}
          error={refused("text")}
        />
      </div>
    </details>
  );
}

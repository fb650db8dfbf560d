/** The webhooks of a DAG: addresses by which other systems trigger its runs with signed requests. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { webhookPath, webhooks } from "../../api/notify";
import type { DagDetail, Webhook } from "../../api/types";
import { useMay } from "../../app/me";
import { Answer, Box, Empty } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { Remove } from "../admin/remove";
import { Address, Example, FORM_NAME } from "./webhook-address";
import { WebhookForm } from "./webhook-form";
import { WebhookSecret } from "./webhook-secret";
import "../../parts/form.css";

export function WebhooksTab({ dag }: { dag: DagDetail }) {
  const query = useQuery(webhooks(dag.id));
  const settle = useMay("settle");
  const [adding, setAdding] = useState(false);
  return (
    <div className="body">
      <div className="pad col g16">
        <Box
          title="Webhooks"
          note="a signed request triggers a run of the active version"
          actions={
            settle && (
              <button type="button" className="btn sm" onClick={() => setAdding(true)}>
                Add webhook…
              </button>
            )
          }
        >
          <Answer of={query}>
            {(list) =>
              list.length === 0 ? (
                <Empty>
                  <b>This DAG has no webhook</b>
                  {settle
                    ? ": add one to let GitHub, Stripe or a program of your own trigger runs, without a token."
                    : ": no other system triggers its runs by signed requests."}
                </Empty>
              ) : (
                <ul className="items" aria-label="Webhooks">
                  {list.map((hook) => (
                    <Row key={hook.name} dag={dag} hook={hook} settle={settle} />
                  ))}
                </ul>
              )
            }
          </Answer>
        </Box>
      </div>
      {adding && <WebhookForm dag={dag} onClose={() => setAdding(false)} />}
    </div>
  );
}

function Row({ dag, hook, settle }: { dag: DagDetail; hook: Webhook; settle: boolean }) {
  const [replacing, setReplacing] = useState(false);
  const params = Object.entries(hook.params);
  return (
    <li>
      <div className="top">
        <span className="sb">
          <UntrustedText>{hook.name}</UntrustedText>
        </span>
        <span className="tag">{FORM_NAME[hook.form]}</span>
      </div>
      <Address hook={hook} />
      <dl className="kv">
        <dt>Events</dt>
        <dd>{hook.events.length > 0 ? <UntrustedText max={400}>{hook.events.join(", ")}</UntrustedText> : "all"}</dd>
        <dt>Parameters</dt>
        <dd>
          {params.length === 0
            ? "their defaults"
            : params.map(([name, pointer]) => (
                <div key={name}>
                  <UntrustedText>{name}</UntrustedText> <span className="mut">from</span>{" "}
                  {pointer === "" ? (
                    "the whole payload"
                  ) : (
                    <code>
                      <UntrustedText>{pointer}</UntrustedText>
                    </code>
                  )}
                </div>
              ))}
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={hook.created} /> <span className="mut">by</span>{" "}
          <UntrustedText max={60}>{hook.created_by}</UntrustedText>
        </dd>
      </dl>
      <details className="form-more">
        <summary>Example of a request</summary>
        <Example hook={hook} params={dag.params} />
      </details>
      {settle && (
        <div className="acts">
          <button
            type="button"
            className="btn sm"
            onClick={() => setReplacing(true)}
            aria-label={`Replace the secret of ${hook.name}`}
          >
            Replace secret…
          </button>
          <Remove
            what={hook.name}
            path={webhookPath(dag.id, hook.name)}
            reread="webhooks"
            consequence="Requests to its address are refused from then on. A new webhook has another address."
          />
        </div>
      )}
      {replacing && <WebhookSecret dag={dag} hook={hook} onClose={() => setReplacing(false)} />}
    </li>
  );
}

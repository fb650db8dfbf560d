/** Beside the log: why it failed, what it used, where it ran, how to run it again on one's own machine. */
import { useQuery } from "@tanstack/react-query";
import { version as versionQuery } from "../../api/queries";
import { shell } from "../../lib/text";
import { Go } from "../../parts/go";
import { instanceTo, TraceLink } from "../../parts/links";
import { CopyButton, Time, UntrustedText } from "../../parts/text";
import { AnswerFacts, useAnswered } from "../approvals/answered";
import { WaitsFor } from "../run/waits";
import { type AttemptProps, LimitRows } from "./limits";
import { specOf } from "./spec";

export function SidePanel({ waits, ...props }: AttemptProps & { waits: boolean }) {
  const { run, instance, at } = props;
  const answered = useAnswered({ run: run.id, task: instance.task, index: instance.index });
  const error = at?.error ?? (at && !at.end ? instance.error : undefined);
  return (
    <>
      {waits && instance.state === "deferred" && (
        <div className="p">
          <h2>What it waits for</h2>
          <WaitsFor run={run} instance={instance} />
        </div>
      )}
      {waits && answered && (
        <div className="p">
          <h2>What it asked</h2>
          <AnswerFacts approval={answered} />
        </div>
      )}
      {error && (
        <div className="p">
          <h2>Why it failed</h2>
          <div className="t14 m wrapany">
            <UntrustedText max={600}>{error.message}</UntrustedText>
          </div>
          <code className="mut">{error.code}</code>
          {error.backtrace && (
            <pre className="pre backtrace">
              <UntrustedText max={4000}>{error.backtrace}</UntrustedText>
            </pre>
          )}
        </div>
      )}
      {at && (
        <div className="p">
          <h2>Limits used</h2>
          <LimitRows {...props} />
        </div>
      )}
      <div className="p">
        <h2>This attempt</h2>
        <dl className="kv">
          <dt>Queued</dt>
          <dd>{at?.queued ? <Time at={at.queued} /> : at?.usage?.ran_ahead ? "no, it ran ahead" : "not yet"}</dd>
          {at?.started && (
            <>
              <dt>Started</dt>
              <dd>
                <Time at={at.started} />
              </dd>
            </>
          )}
          {at?.ended && (
            <>
              <dt>Ended</dt>
              <dd>
                <Time at={at.ended} />
              </dd>
            </>
          )}
          {at?.worker && (
            <>
              <dt>Worker</dt>
              <dd>
                <UntrustedText>{at.worker}</UntrustedText>
              </dd>
            </>
          )}
          {instance.due && instance.state !== "deferred" && (
            <>
              <dt>Goes on</dt>
              <dd>
                <Time at={instance.due} form="relative" />
              </dd>
            </>
          )}
          {run.trace && (
            <>
              <dt>Trace</dt>
              <dd>
                <TraceLink run={run} />
              </dd>
            </>
          )}
        </dl>
      </div>
      <Granted {...props} />
      <Rerun {...props} />
    </>
  );
}

/** Lines that the host writes of each HTTP request. */
const REQUESTS = "/^[A-Z]+ https?:\\/\\/\\S+: /";

/** What the task asks for, and where what it called is. */
function Granted({ run, instance, attempt }: AttemptProps) {
  const doc = useQuery(versionQuery(run.dag, run.version));
  const { grants } = specOf(doc.data?.document, instance.task);
  if (!doc.data) return null;
  const target = instanceTo({ dag: run.dag, run: run.id, task: instance.task, index: instance.index }, "logs");
  const search = { attempt: String(attempt), q: REQUESTS, level: "error,warn,info" };
  return (
    <div className="p">
      <h2>Grants</h2>
      {grants.length === 0 ? (
        <span className="mut">It asks for none: no network, no variables.</span>
      ) : (
        <div className="col g4">
          {grants.map((grant) => (
            <code key={grant} className="wrapany">
              <UntrustedText>{grant}</UntrustedText>
            </code>
          ))}
        </div>
      )}
      {grants.some((grant) => grant.startsWith("http ")) && (
        <Go target={{ ...target, search }} className="lk">
          Requests that it sent
        </Go>
      )}
    </div>
  );
}

/** The commands that fetch the inputs and run the task alone. */
function Rerun({ run, instance }: AttemptProps) {
  const doc = useQuery(versionQuery(run.dag, run.version));
  const { inputs } = specOf(doc.data?.document, instance.task);
  const fetches = inputs.map(({ name, task }) => `wfctl outputs get ${run.id} ${shell(task)} > ${name}.json`);
  const give = inputs.map(({ name }) => ` -i ${shell(`${instance.task}.${name}=@${name}.json`)}`).join("");
  const params = Object.entries(run.params)
    .map(([name, value]) => ` -p ${shell(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)}`)
    .join("");
  const text = [...fetches, `wfctl run --dag ${run.dag} --task ${shell(instance.task)}${give}${params}`].join("\n");
  return (
    <div className="p">
      <div className="row g8">
        <h2 className="sp">On your machine</h2>
        <CopyButton text={text} />
      </div>
      <pre className="pre wrap">{text}</pre>
    </div>
  );
}

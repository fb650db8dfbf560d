/** The answer to what an instance asked, once there is one or can be none any more. */
import { useQuery } from "@tanstack/react-query";
import { type Asker, approval as approvalQuery } from "../../api/approvals";
import { attempts as attemptsQuery } from "../../api/queries";
import type { Approval } from "../../api/types";
import { visibleLines } from "../../lib/text";
import { Time, UntrustedText } from "../../parts/text";
import "./approvals.css";

/** Undefined while it waits for the answer, and for an instance that asked nothing. Only one that deferred can have asked. */
export function useAnswered({ run, task, index }: Asker): Approval | undefined {
  const attempts = useQuery(attemptsQuery(run, task, index));
  const deferred = attempts.data?.some((a) => a.end === "deferred") ?? false;
  const { data } = useQuery({ ...approvalQuery({ run, task, index }), enabled: deferred });
  return data && data.state !== "waiting" ? data : undefined;
}

/** `asks`: with the question, where it is not already above. */
export function AnswerFacts({ approval, asks = true }: { approval: Approval; asks?: boolean }) {
  const { decision } = approval;
  return (
    <div className="col g8">
      {asks && (
        <div className="m wrapany">
          <UntrustedText max={250}>{approval.subject}</UntrustedText>
        </div>
      )}
      {decision ? (
        <dl className="kv">
          <dt>Answer</dt>
          <dd className="sb wrapany">
            <UntrustedText>{decision.option}</UntrustedText>
          </dd>
          <dt>By</dt>
          <dd className="wrapany">
            <UntrustedText>{decision.by}</UntrustedText>
          </dd>
          <dt>When</dt>
          <dd>
            <Time at={decision.at} />
          </dd>
          {decision.comment && (
            <>
              <dt>Comment</dt>
              <dd className="wrapany lines">
                <bdi>{visibleLines(decision.comment)}</bdi>
              </dd>
            </>
          )}
          {Object.entries(decision.fields).map(([name, value]) => (
            <Value key={name} name={name} value={value} />
          ))}
        </dl>
      ) : (
        <div className="mut">
          No one answered before the wait ended.
          {approval.default && (
            <>
              {" "}
              Where it ended by its timeout, <UntrustedText>{approval.default}</UntrustedText> counts.
            </>
          )}
        </div>
      )}
      {decision?.refused && (
        <div className="st-failed wrapany">
          The task did not get this answer: <UntrustedText max={400}>{decision.refused}</UntrustedText>
        </div>
      )}
    </div>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  return (
    <>
      <dt className="wrapany">
        <UntrustedText max={60}>{name}</UntrustedText>
      </dt>
      <dd className="wrapany lines">
        {typeof value === "string" ? <bdi>{visibleLines(value)}</bdi> : <code>{JSON.stringify(value, null, 2)}</code>}
      </dd>
    </>
  );
}

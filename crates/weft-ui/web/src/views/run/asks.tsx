/** What a deferred instance asks people, and the way to the answer. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { type Asker, approval as approvalQuery } from "../../api/approvals";
import { UntrustedText } from "../../parts/text";

const ApprovalDialog = lazy(() => import("../approvals/dialog").then((m) => ({ default: m.ApprovalDialog })));

/** The question, once it is read. */
export function Asks({ at }: { at: Asker }) {
  const { data } = useQuery(approvalQuery(at));
  return (
    <>
      {data?.state === "decided" ? "It was answered, and goes on in a moment" : "It waits for somebody's answer"}
      {data ? (
        <>
          : <UntrustedText max={250}>{data.subject}</UntrustedText>
        </>
      ) : (
        "."
      )}
    </>
  );
}

export function AnswerButton({ at }: { at: Asker }) {
  const { data } = useQuery(approvalQuery(at));
  const [open, setOpen] = useState(false);
  if (!data) return null;
  return (
    <>
      <button type="button" className="btn" onClick={() => setOpen(true)}>
        {data.state === "waiting" && data.may_answer ? "Answer…" : "Show the question…"}
      </button>
      {open && (
        <Suspense>
          <ApprovalDialog at={at} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}

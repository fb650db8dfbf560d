/** What a task asks, with its form and a button for each answer; for people who may not answer, who may. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { useReread } from "../../api/acts";
import { type Asker, approval as approvalQuery, decide } from "../../api/approvals";
import { ApiError } from "../../api/client";
import type { Approval } from "../../api/types";
import { sentence } from "../../lib/text";
import { DialogFrame } from "../../parts/dialog";
import { TextField } from "../../parts/form";
import { InstanceLink, RunLink } from "../../parts/links";
import { Answer, Failure, Skeleton } from "../../parts/states";
import { CommandLine, Time, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Mark } from "../../state/mark";
import { Field } from "../trigger/field";
import { bodyOf, command, commentProblem, filled, formOf, ordered, refusal, refusedField, valuesOf } from "./answer";
import { AnswerFacts } from "./answered";
import "./approvals.css";

const Markdown = lazy(() => import("../../parts/markdown").then((m) => ({ default: m.Markdown })));

interface Props {
  at: Asker;
  /** What a list says of it. */
  known?: Approval | undefined;
  onClose: () => void;
}

export function ApprovalDialog({ at, known, onClose }: Props) {
  const query = useQuery({ ...approvalQuery(at), placeholderData: known });
  // Why an answer was not taken: it stays while the question is read again, which may have another attempt then.
  const [refused, setRefused] = useState<string>();
  const { data } = query;
  if (!data) {
    return (
      <DialogFrame title="Approval" onClose={onClose} foot={<Back onClose={onClose} />}>
        <Answer of={query} skeleton={<Skeleton rows={3} />}>
          {() => null}
        </Answer>
      </DialogFrame>
    );
  }
  return (
    <Question
      key={data.attempt}
      approval={data}
      refused={refused}
      onRefused={setRefused}
      onClose={onClose}
      failure={query.error}
    />
  );
}

function Back({ onClose }: { onClose: () => void }) {
  return (
    <button type="button" className="btn" onClick={onClose}>
      Back
    </button>
  );
}

interface QuestionProps {
  approval: Approval;
  refused: string | undefined;
  onRefused: (why: string | undefined) => void;
  onClose: () => void;
  /** Of reading it again. */
  failure: unknown;
}

function Question({ approval, refused, onRefused, onClose, failure }: QuestionProps) {
  const cache = useQueryClient();
  const reread = useReread();
  const { run, task, index } = approval;
  const [form] = useState(() => formOf(approval.form));
  const [texts, setTexts] = useState(() => filled(form));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const box = useRef<HTMLFormElement>(null);
  const { fields, wrong } = valuesOf(form, texts);
  const tooLong = commentProblem(comment);
  const field = error instanceof ApiError && error.status === 422 ? refusedField(error.message, form) : undefined;
  const why = error instanceof Error ? error.message : undefined;
  const open = approval.state === "waiting" && approval.may_answer;
  const options = ordered(approval.options);
  // Each try shows what is wrong again, so that the focus goes there.
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (tries > 0) box.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [tries]);

  const answer = async (option: string) => {
    setError(undefined);
    onRefused(undefined);
    if (wrong.size > 0 || tooLong) {
      setTouched(new Set(form.params.map((p) => p.name)));
      setTries(tries + 1);
      return;
    }
    setBusy(true);
    try {
      const given = await decide(approval, bodyOf(option, comment, fields));
      cache.setQueryData<Approval>(approvalQuery(approval).queryKey, given);
      announce(`Answered: ${option}`);
      onClose();
      await reread(["approvals"], ["instance", run, task, index], ["why", run, task, index]);
    } catch (e) {
      const said = e instanceof ApiError ? refusal(e.code, approval) : undefined;
      if (said) {
        onRefused(said);
        await reread(["approvals"], ["approval", run, task, index]);
      } else {
        setError(e);
        setTries(tries + 1);
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <DialogFrame
      title={<UntrustedText max={250}>{approval.subject}</UntrustedText>}
      onClose={onClose}
      foot={
        <>
          <Back onClose={onClose} />
          {open && (
            <div className="answer-acts" role="group" aria-label="Answers">
              {options.map((option) => (
                <button
                  key={option}
                  type="button"
                  className={option === "approve" ? "btn pri" : option === "reject" ? "btn danger" : "btn"}
                  disabled={busy}
                  onClick={() => void answer(option)}
                >
                  <UntrustedText>{LABEL[option] ?? option}</UntrustedText>
                </button>
              ))}
            </div>
          )}
        </>
      }
    >
      <form ref={box} className="answer col g16" onSubmit={(e) => e.preventDefault()} noValidate>
        {refused && (
          <div className="row g8 st-failed" role="alert">
            <Mark state="failed" size={14} />
            <span className="wrapany">
              <UntrustedText max={600}>{refused}</UntrustedText>
            </span>
          </div>
        )}
        {failure !== null && failure !== undefined && <Failure error={failure} />}
        <Facts approval={approval} />
        {approval.body && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable
          <section className="asked-body" aria-label="More of the question" tabIndex={0}>
            <Suspense fallback={<Skeleton rows={2} />}>
              <Markdown text={approval.body} />
            </Suspense>
          </section>
        )}
        {approval.state !== "waiting" && <AnswerFacts approval={approval} asks={false} />}
        {open && (
          <>
            {form.params.map((p) => (
              <Field
                key={p.name}
                param={p}
                text={texts.get(p.name) ?? ""}
                error={(touched.has(p.name) ? wrong.get(p.name) : undefined) ?? (field === p.name ? why : undefined)}
                was={undefined}
                onChange={(text) => {
                  setTexts(new Map(texts).set(p.name, text));
                  setTouched(new Set(touched).add(p.name));
                  if (field === p.name) setError(undefined);
                }}
              />
            ))}
            <TextField
              label="Comment"
              rows={2}
              value={comment}
              onChange={setComment}
              error={tooLong ?? (field === "comment" ? why : undefined)}
              hint="For the task, and for people who read the run."
            />
            {error !== undefined && field === undefined && <Failure error={error} />}
            {options[0] !== undefined && <CommandLine text={command(approval, bodyOf(options[0], comment, fields))} />}
          </>
        )}
        {approval.state === "waiting" && !approval.may_answer && <WhoMay approval={approval} />}
      </form>
    </DialogFrame>
  );
}

/** The names that Weft gives options itself; others are the task's own words. */
const LABEL: Readonly<Record<string, string | undefined>> = { approve: "Approve", reject: "Reject" };

function WhoMay({ approval: { approvers = [] } }: { approval: Approval }) {
  return (
    <p className="mut">
      {approvers.length > 0
        ? "You may not answer: the task asks other people."
        : "You may not answer: your token does not permit operating runs."}
    </p>
  );
}

/** Who may answer, in words. */
export function approversOf({ approvers = [] }: Pick<Approval, "approvers">): string {
  return approvers.length > 0 ? approvers.join(", ") : "everybody who may operate runs";
}

function Facts({ approval }: { approval: Approval }) {
  const { dag, run, task, index, attempt } = approval;
  return (
    <dl className="kv">
      <dt>Asked by</dt>
      <dd className="wrapany">
        <UntrustedText>{dag}</UntrustedText> ›{" "}
        <InstanceLink dag={dag} run={run} task={task} index={index} tab="why" className="ul" />, run{" "}
        <RunLink dag={dag} run={run} task={task} className="ul" />
        {attempt > 1 && `, attempt ${attempt}`}
      </dd>
      <dt>Asked</dt>
      <dd>
        <Ago at={approval.asked} />
      </dd>
      {approval.state === "waiting" && (
        <>
          <dt>Until</dt>
          <dd>{approval.until ? <Ago at={approval.until} /> : "somebody answers: there is no timeout"}</dd>
          {approval.default && (
            <>
              <dt>Default</dt>
              <dd className="wrapany">
                <UntrustedText>{LABEL[approval.default] ? sentence(approval.default) : approval.default}</UntrustedText>
                <span className="mut">, where no one answers until then</span>
              </dd>
            </>
          )}
          <dt>May answer</dt>
          <dd className="wrapany">
            <UntrustedText max={1000}>{approversOf(approval)}</UntrustedText>
          </dd>
        </>
      )}
    </dl>
  );
}

function Ago({ at }: { at: string }): ReactNode {
  return (
    <>
      <Time at={at} />{" "}
      <span className="mut nw">
        (<Time at={at} form="relative" />)
      </span>
    </>
  );
}

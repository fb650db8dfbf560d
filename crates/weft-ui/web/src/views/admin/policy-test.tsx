/** 'Would this task be granted that?': the server's answer for a DAG's tasks, or for requests that one types. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { post } from "../../api/client";
import { dags } from "../../api/queries";
import type { PolicyChecked } from "../../api/types";
import { plural } from "../../lib/text";
import { Select } from "../../parts/controls";
import { Box, Failure } from "../../parts/states";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { Input } from "./form";

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** `policy`: a draft that is tested in place of what is set. */
export function PolicyTest({ policy }: { policy: string | undefined }) {
  const list = useQuery(dags);
  const [dag, setDag] = useState("");
  const [http, setHttp] = useState("");
  const [variables, setVariables] = useState("");
  const [answer, setAnswer] = useState<PolicyChecked>();
  const [error, setError] = useState<unknown>();
  const test = async (event: FormEvent) => {
    event.preventDefault();
    setError(undefined);
    try {
      const body = {
        ...(policy === undefined ? {} : { policy }),
        ...(dag ? { dag } : {}),
        http: words(http),
        variables: words(variables),
      };
      setAnswer(await post<PolicyChecked>("policy/check", body));
    } catch (e) {
      setAnswer(undefined);
      setError(e);
    }
  };
  return (
    <Box
      title="Test"
      note={policy === undefined ? "against the policy that holds" : "against your draft, before it is set"}
    >
      <form className="pad16 col g8" onSubmit={(e) => void test(e)}>
        <div className="row g8 wrapflex col-end">
          <Select
            label="Tasks of"
            value={dag}
            onChange={setDag}
            options={[
              { id: "", label: "no DAG: only what is typed" },
              ...(list.data ?? []).map((d) => ({ id: d.id, label: d.id })),
            ]}
          />
          <Input label="HTTP to" value={http} onChange={setHttp} width={220} />
          <Input label="Variables" value={variables} onChange={setVariables} width={160} />
          <button type="submit" className="btn pri">
            Would it be granted?
          </button>
        </div>
        {error !== undefined && <Failure error={error} />}
        <div role="status">{answer && <Granted answer={answer} />}</div>
      </form>
    </Box>
  );
}

function Granted({ answer }: { answer: PolicyChecked }) {
  const refused = answer.tasks.filter((t) => !t.allowed);
  return (
    <div className="col g8">
      <div className="m">
        {refused.length === 0
          ? `Yes: everything that ${answer.tasks.length === 1 ? "it requests" : `${plural(answer.tasks.length, "task")} request`} is granted.`
          : answer.tasks.length === 1
            ? "No."
            : `No: ${plural(refused.length, "task")} of ${answer.tasks.length} would be refused.`}
      </div>
      {refused.map((t) => (
        <div key={t.task ?? ""} className="col g4">
          {t.task && (
            <div className="row g8">
              <Mark state="failed" size={14} label="refused" />
              <UntrustedText>{t.task}</UntrustedText>
            </div>
          )}
          {t.refused.map((r) => (
            <div key={r.message} className="wrapany">
              <UntrustedText max={600}>{r.message}</UntrustedText> <code className="mut">{r.code}</code>
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

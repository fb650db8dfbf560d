/** What tasks may be granted. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { put, useReread } from "../../api/acts";
import { policy } from "../../api/fleet";
import { useMay } from "../../app/me";
import { Answer, Box, Failure } from "../../parts/states";
import { CopyButton } from "../../parts/text";
import { announce } from "../../parts/toast";
import { PolicyTest } from "./policy-test";

export function Policy() {
  const query = useQuery(policy);
  const govern = useMay("govern");
  const [draft, setDraft] = useState<string>();
  return (
    <Answer of={query}>
      {(data) => (
        <div className="col g16">
          <Box
            title="Policy"
            note={data.is_default ? "the default" : "set for this installation"}
            actions={<CopyButton text={data.policy} />}
          >
            {govern ? (
              <Editor key={data.policy} text={data.policy} draft={draft ?? data.policy} setDraft={setDraft} />
            ) : (
              <pre className="cmd pre-pol">{data.policy}</pre>
            )}
          </Box>
          <PolicyTest policy={draft !== undefined && draft !== data.policy ? draft : undefined} />
        </div>
      )}
    </Answer>
  );
}

interface EditorProps {
  text: string;
  draft: string;
  setDraft: (draft: string) => void;
}

function Editor({ text, draft, setDraft }: EditorProps) {
  const [error, setError] = useState<unknown>();
  const reread = useReread();
  const save = async () => {
    setError(undefined);
    try {
      await put("policy", { policy: draft });
      announce("The policy is set");
      await reread(["policy"]);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <div className="pad16 col g8">
      <textarea
        className="area"
        aria-label="The policy, in TOML"
        rows={Math.min(32, Math.max(12, draft.split("\n").length + 1))}
        value={draft}
        spellCheck={false}
        onChange={(e) => setDraft(e.target.value)}
      />
      {error !== undefined && <Failure error={error} />}
      <div className="row g8">
        <button type="button" className="btn" disabled={draft === text} onClick={() => void save()}>
          Set
        </button>
        <button type="button" className="btn ghost" disabled={draft === text} onClick={() => setDraft(text)}>
          As it was
        </button>
        <span className="mut">Deploys and attempts from then on are measured against it.</span>
      </div>
    </div>
  );
}

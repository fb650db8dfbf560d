/** Versions, what each is made of, and how two of them differ. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { activate, useReread } from "../../api/acts";
import { version as versionQuery, versions as versionsQuery } from "../../api/queries";
import type { DagDetail, Version } from "../../api/types";
import { useMay } from "../../app/me";
import { useParam } from "../../app/search";
import { jsonDiff } from "../../lib/json-diff";
import { bytes, plural } from "../../lib/text";
import { Segments, Select } from "../../parts/controls";
import { Confirm } from "../../parts/dialog";
import { JsonTree } from "../../parts/json-tree";
import { Answer, Box, Empty, Skeleton } from "../../parts/states";
import { CommandLine, CopyButton, Time, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";

const Code = lazy(() => import("../../parts/code").then((m) => ({ default: m.Code })));
const CodeDiff = lazy(() => import("../../parts/code").then((m) => ({ default: m.CodeDiff })));

export function CodeTab({ dag }: { dag: DagDetail }) {
  const query = useQuery(versionsQuery(dag.id));
  const [chosen, setChosen] = useParam("version", String(dag.version ?? ""));
  return (
    <div className="body">
      <div className="pad">
        <Answer of={query} skeleton={<Skeleton />}>
          {(list) => (
            <div className="two-col">
              <Box title="Versions" note={String(list.length)}>
                {list.map((v) => (
                  <button
                    key={v.number}
                    type="button"
                    aria-pressed={String(v.number) === chosen}
                    className={String(v.number) === chosen ? "ver cur" : "ver"}
                    onClick={() => setChosen(String(v.number), true)}
                  >
                    <span className="m">{v.number}</span>
                    <span className="el mut">
                      <Time at={v.created} form="short" /> by <UntrustedText max={40}>{v.created_by}</UntrustedText>
                    </span>
                    {v.active && <span className="tag">active</span>}
                  </button>
                ))}
              </Box>
              <Detail dag={dag} list={list} number={Number(chosen)} />
            </div>
          )}
        </Answer>
      </div>
    </div>
  );
}

function Detail({ dag, list, number }: { dag: DagDetail; list: readonly Version[]; number: number }) {
  const query = useQuery({ ...versionQuery(dag.id, number), enabled: number > 0 });
  const [confirm, setConfirm] = useState(false);
  const deploy = useMay("deploy");
  const reread = useReread();
  const before = list.find((v) => v.number < number)?.number;
  const [to, setTo] = useParam("with", before ? String(before) : "");
  return (
    <div className="col g16">
      <Answer of={query} skeleton={<Skeleton />}>
        {(v) => (
          <>
            <Box
              title={`Version ${v.number}`}
              note={v.active ? "active" : ""}
              actions={
                deploy &&
                !v.active && (
                  <button type="button" className="btn sm" onClick={() => setConfirm(true)}>
                    Activate…
                  </button>
                )
              }
            >
              <dl className="kv pad16">
                <dt>Digest</dt>
                <dd className="row g8">
                  <code className="el">{v.digest}</code>
                  <CopyButton text={v.digest} />
                </dd>
                <dt>Deployed</dt>
                <dd>
                  <Time at={v.created} named /> by <UntrustedText>{v.created_by}</UntrustedText>
                </dd>
                <dt>Files</dt>
                <dd>
                  {v.files.map((file) => (
                    <div key={file.name} className="el">
                      <UntrustedText>{file.name}</UntrustedText>{" "}
                      <span className="mut">
                        {bytes(file.bytes)}, <code>{file.digest.slice(0, 19)}…</code>
                      </span>
                    </div>
                  ))}
                </dd>
              </dl>
            </Box>
            {list.length > 1 && <Difference dag={dag.id} list={list} number={number} to={to} setTo={setTo} />}
            <Document value={v.document} />
            {confirm && (
              <Confirm
                title={`Activate version ${v.number}`}
                action={`Activate version ${v.number}`}
                onClose={() => setConfirm(false)}
                act={async () => {
                  await activate(dag.id, v.number);
                  announce(`Version ${v.number} is active`);
                  await reread(["dag", dag.id], ["dags"], ["versions", dag.id], ["version", dag.id]);
                }}
              >
                <p className="dlg-p">New runs take this version. Runs that exist keep theirs.</p>
                <CommandLine text={`wfctl dags activate ${dag.id} ${v.number}`} />
              </Confirm>
            )}
          </>
        )}
      </Answer>
    </div>
  );
}

function Document({ value }: { value: unknown }) {
  const [view, setView] = useState<"code" | "tree">("code");
  const text = JSON.stringify(value, null, 2);
  return (
    <Box
      title="Document"
      note="weft.dag/1"
      actions={
        <span className="row g8">
          <Segments<"code" | "tree">
            small
            label="Shown as"
            value={view}
            onChange={setView}
            options={[
              { id: "code", label: "Code" },
              { id: "tree", label: "Tree" },
            ]}
          />
          <CopyButton text={text} />
        </span>
      }
    >
      {view === "code" ? (
        <Suspense fallback={<Skeleton />}>
          <Code text={text} label="The version's document" />
        </Suspense>
      ) : (
        <div className="pad16">
          <JsonTree value={value} />
        </div>
      )}
    </Box>
  );
}

type DiffView = "list" | "text" | "split";

interface DifferenceProps {
  dag: string;
  list: readonly Version[];
  number: number;
  to: string;
  setTo: (v: string) => void;
}

function Difference({ dag, list, number, to, setTo }: DifferenceProps) {
  const after = useQuery(versionQuery(dag, number));
  const before = useQuery({ ...versionQuery(dag, Number(to)), enabled: Number(to) > 0 && Number(to) !== number });
  const [view, setView] = useState<DiffView>("list");
  const changes = before.data && after.data ? jsonDiff(before.data.document, after.data.document) : [];
  return (
    <Box
      title="What changed"
      note={before.data ? plural(changes.length, "difference") : ""}
      actions={
        <span className="row g8">
          <Segments<DiffView>
            small
            label="Shown as"
            value={view}
            onChange={setView}
            options={[
              { id: "list", label: "List" },
              { id: "text", label: "Code" },
              { id: "split", label: "Side by side" },
            ]}
          />
          <Select
            label="Compared with"
            value={to}
            options={list
              .filter((v) => v.number !== number)
              .map((v) => ({ id: String(v.number), label: `since version ${v.number}` }))}
            onChange={setTo}
          />
        </span>
      }
    >
      {before.data && changes.length === 0 ? (
        <Empty>
          {before.data.digest === after.data?.digest ? "The same file." : "The document is the same; the code differs."}
        </Empty>
      ) : view !== "list" && before.data && after.data ? (
        <Suspense fallback={<Skeleton />}>
          <CodeDiff
            before={JSON.stringify(before.data.document, null, 2)}
            after={JSON.stringify(after.data.document, null, 2)}
            label={`Version ${number} compared with version ${to}`}
            split={view === "split"}
          />
        </Suspense>
      ) : (
        <table className="tbl tight diff">
          <tbody>
            {changes.slice(0, 500).map((c) => (
              <tr key={c.path}>
                <td className="m">
                  <UntrustedText>{c.path}</UntrustedText>
                </td>
                <td>
                  <code className="mut">
                    <UntrustedText max={160}>
                      {c.before === undefined ? "absent" : JSON.stringify(c.before)}
                    </UntrustedText>
                  </code>
                </td>
                <td>
                  <code>
                    <UntrustedText max={160}>
                      {c.after === undefined ? "absent" : JSON.stringify(c.after)}
                    </UntrustedText>
                  </code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Box>
  );
}

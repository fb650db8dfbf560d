/** What tasks ask people, those of the oldest run first. The address names the question that is open. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type Asker, approvals as approvalsQuery } from "../../api/approvals";
import { dags } from "../../api/queries";
import type { Approval } from "../../api/types";
import { Head } from "../../app/head";
import { type Search, useParam } from "../../app/search";
import { NextPage, Select } from "../../parts/controls";
import { DagLink, InstanceLink, RunLink } from "../../parts/links";
import { useRows } from "../../parts/rows";
import { Answer, Box, Empty, Skeleton } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { ApprovalDialog, approversOf } from "./dialog";
import "../../parts/form.css";
import "../dags/dags.css";

/** The question of the address, and how to change it. */
function useOpened(): [Asker | undefined, (at: Asker | undefined) => void] {
  const { run, task, index } = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = (at: Asker | undefined) => {
    const more = { run: at?.run, task: at?.task, index: at?.index ? String(at.index) : undefined };
    void navigate({ to: ".", search: ((was: Search) => ({ ...was, ...more })) as never, replace: !at });
  };
  return [run && task ? { run, task, index: Number(index) || 0 } : undefined, set];
}

export function Approvals() {
  const [dag, setDag] = useParam("dag");
  const [opened, open] = useOpened();
  const known = useQuery(dags);
  const query = useInfiniteQuery(approvalsQuery(dag));
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const rows = useRows(items.length);
  const note = query.data ? (query.hasNextPage ? `the first ${items.length}` : String(items.length)) : undefined;
  return (
    <>
      <Head title="Approvals" />
      <div className="tools">
        <Select
          label="DAG"
          value={dag}
          options={[
            { id: "", label: "All DAGs" },
            // A DAG that is gone, or not yet read, stays chosen.
            ...(dag && !known.data?.some((d) => d.id === dag) ? [{ id: dag, label: dag }] : []),
            ...(known.data ?? []).map((d) => ({ id: d.id, label: d.id })),
          ]}
          onChange={(v) => setDag(v, true)}
        />
      </div>
      <div className="body">
        <div className="pad">
          <Box title="Waiting for people" note={note}>
            <Answer of={query} skeleton={<Skeleton rows={6} height={28} />}>
              {() =>
                items.length === 0 ? (
                  <Empty>
                    <b>No task waits for an answer</b>
                    {dag ? (
                      <>
                        {" "}
                        in this DAG.{" "}
                        <button type="button" className="btn sm" onClick={() => setDag("", true)}>
                          Show all
                        </button>
                      </>
                    ) : (
                      ". What tasks ask people appears here."
                    )}
                  </Empty>
                ) : (
                  <ul className="items" aria-label="Approvals" aria-busy={query.isPlaceholderData}>
                    {items.map((a, i) => (
                      <Row key={`${a.run} ${a.task} ${a.index}`} approval={a} row={rows(i)} onOpen={() => open(a)} />
                    ))}
                  </ul>
                )
              }
            </Answer>
            {query.hasNextPage && (
              <div className="pad16">
                <NextPage query={query}>More</NextPage>
              </div>
            )}
          </Box>
        </div>
      </div>
      {opened && (
        <ApprovalDialog
          key={`${opened.run} ${opened.task} ${opened.index}`}
          at={opened}
          known={items.find((a) => a.run === opened.run && a.task === opened.task && a.index === opened.index)}
          onClose={() => open(undefined)}
        />
      )}
    </>
  );
}

function Row({ approval: a, row, onOpen }: { approval: Approval; row: object; onOpen: () => void }) {
  return (
    <li {...row}>
      <div className="top">
        <span className="sb wrapany">
          <UntrustedText max={250}>{a.subject}</UntrustedText>
        </span>
      </div>
      <div className="wrapany">
        <DagLink dag={a.dag} className="ul" /> ›{" "}
        <InstanceLink dag={a.dag} run={a.run} task={a.task} index={a.index} tab="why" className="ul" />
        <span className="mut">
          , run <RunLink dag={a.dag} run={a.run} className="ul" />
        </span>
      </div>
      <div className="mut wrapany">
        Asked <Time at={a.asked} form="relative" />
        {a.until ? (
          <>
            , until <Time at={a.until} named />
          </>
        ) : (
          ", no timeout"
        )}
        {a.default && (
          <>
            , by default <UntrustedText>{a.default}</UntrustedText>
          </>
        )}
        {". "}
        {a.may_answer ? (
          "You may answer."
        ) : (
          <>
            May answer: <UntrustedText max={400}>{approversOf(a)}</UntrustedText>.
          </>
        )}
      </div>
      <div className="acts">
        <button
          type="button"
          className="btn sm"
          onClick={onOpen}
          aria-label={`${a.may_answer ? "Answer" : "Show"} ${a.subject}`}
        >
          {a.may_answer ? "Answer…" : "Show…"}
        </button>
      </div>
    </li>
  );
}

/** Inputs and outputs: as a tree, a table, an image or text, by what they are. Nothing of a guest is ever markup. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { ApiError } from "../../api/client";
import { output as outputQuery, tasks as tasksQuery, version as versionQuery } from "../../api/queries";
import { bytes } from "../../lib/text";
import { vegaOf } from "../../lib/vega";
import { Segments } from "../../parts/controls";
import { JsonTree } from "../../parts/json-tree";
import { InstanceLink } from "../../parts/links";
import { Box, Empty, Failure, Skeleton } from "../../parts/states";
import { CommandLine, CopyButton, UntrustedText } from "../../parts/text";
import { Artifacts, artifactsOf } from "./artifacts";
import { Chart, seriesOf } from "./chart";
import { DataTable, tableOf } from "./data-table";
import type { AttemptProps } from "./limits";
import { specOf } from "./spec";

const Code = lazy(() => import("../../parts/code").then((m) => ({ default: m.Code })));
const VegaChart = lazy(() => import("./vega").then((m) => ({ default: m.VegaChart })));
const Markdown = lazy(() => import("../../parts/markdown").then((m) => ({ default: m.Markdown })));

/** A text that may be Markdown: the output itself, or its field of that name. */
export function markdownOf(value: unknown): { text: string; named: boolean } | undefined {
  if (typeof value === "string") return { text: value, named: false };
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const { markdown, md } = value as { markdown?: unknown; md?: unknown };
  const text = markdown ?? md;
  return typeof text === "string" ? { text, named: true } : undefined;
}

/** The records of an output: itself, or its only list of them. */
function recordsOf(value: unknown): ReturnType<typeof tableOf> {
  const own = tableOf(value);
  if (own || value === null || typeof value !== "object" || Array.isArray(value)) return own;
  const lists = Object.values(value).flatMap((v) => tableOf(v) ?? []);
  return lists.length === 1 ? lists[0] : undefined;
}

export function Io({ run, instance }: AttemptProps) {
  const doc = useQuery(versionQuery(run.dag, run.version));
  const spec = specOf(doc.data?.document, instance.task);
  const summaries = useQuery(tasksQuery(run.id));
  const mappedOf = (task: string) => Boolean(summaries.data?.find((t) => t.task === task)?.mapped);
  return (
    <div className="body">
      <div className="pad col g16">
        <Value
          title="Output"
          run={run.id}
          task={instance.task}
          index={instance.index}
          note={instance.output ? bytes(instance.output.bytes) : ""}
          absent={!instance.output}
        />
        {spec.inputs.map(({ name, task, sameIndex }) =>
          mappedOf(task) && !sameIndex ? (
            <Box key={name} title={<UntrustedText>{name}</UntrustedText>} note="input">
              <div className="pad16">
                The outputs of all instances of{" "}
                <InstanceLink dag={run.dag} run={run.id} task={task} index={0} mapped tab="io" className="ul">
                  <UntrustedText>{task}</UntrustedText>
                </InstanceLink>
                , as a list.
              </div>
            </Box>
          ) : (
            <Value
              key={name}
              title={name}
              run={run.id}
              task={task}
              index={sameIndex ? instance.index : 0}
              note={`input, the output of ${task}${sameIndex ? ` [${instance.index}]` : ""}`}
            />
          ),
        )}
        <CommandLine
          text={`wfctl outputs get ${run.id} ${instance.task}${instance.index ? ` --index ${instance.index}` : ""}`}
        />
      </div>
    </div>
  );
}

interface ValueProps {
  title: string;
  run: string;
  task: string;
  index: number;
  note: string;
  absent?: boolean;
}

type View = "tree" | "table" | "chart" | "vega" | "markdown" | "text";

function Value({ title, run, task, index, note, absent = false }: ValueProps) {
  const query = useQuery({ ...outputQuery(run, task, index), enabled: !absent });
  const table = recordsOf(query.data);
  const series = table && seriesOf(table);
  const markdown = markdownOf(query.data);
  const vega = useMemo(() => vegaOf(query.data), [query.data]);
  const [view, setView] = useState<View>();
  const best: View = vega ? "vega" : markdown?.named ? "markdown" : tableOf(query.data) ? "table" : "tree";
  const shown: View = view ?? best;
  const text = query.data === undefined ? "" : JSON.stringify(query.data, null, 2);
  const missing = query.error instanceof ApiError && query.error.status === 404;
  const artifacts = artifactsOf(query.data);
  return (
    <Box
      title={<UntrustedText>{title}</UntrustedText>}
      note={<UntrustedText>{note}</UntrustedText>}
      actions={
        query.data !== undefined && (
          <span className="row g8">
            <Segments<View>
              small
              label="Shown as"
              value={shown}
              onChange={setView}
              options={[
                ...(vega ? [{ id: "vega" as const, label: "Chart" }] : []),
                { id: "tree", label: "Tree" },
                ...(table ? [{ id: "table" as const, label: "Table" }] : []),
                ...(series && !vega ? [{ id: "chart" as const, label: "Chart" }] : []),
                ...(markdown ? [{ id: "markdown" as const, label: "Markdown" }] : []),
                { id: "text", label: "Text" },
              ]}
            />
            <CopyButton text={text} />
          </span>
        )
      }
    >
      {absent || missing ? (
        <Empty>{absent ? "No output: only an instance that succeeded has one." : "There is no output yet."}</Empty>
      ) : query.error ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : query.data === undefined ? (
        <Skeleton rows={3} />
      ) : shown === "vega" && vega ? (
        <Suspense fallback={<Skeleton rows={6} />}>
          <VegaChart spec={vega} label={title} />
        </Suspense>
      ) : shown === "table" && table ? (
        <DataTable table={table} />
      ) : shown === "chart" && table && series ? (
        <Chart table={table} series={series} />
      ) : shown === "markdown" && markdown ? (
        <Suspense fallback={<Skeleton rows={3} />}>
          <Markdown text={markdown.text} />
        </Suspense>
      ) : shown === "text" ? (
        <Suspense fallback={<Skeleton rows={3} />}>
          <Code text={text} label={`${title} as JSON`} />
        </Suspense>
      ) : (
        <div className="pad16">
          <JsonTree value={query.data} />
        </div>
      )}
      {artifacts.length > 0 && <Artifacts list={artifacts} run={run} task={task} index={index} />}
    </Box>
  );
}

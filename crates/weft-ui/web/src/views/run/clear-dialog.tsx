/** Clears tasks of a run, or of the DAG's runs of other dates as well; shows first what would run again, run by run. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { clear, previewClear, useReread } from "../../api/acts";
import { run as runQuery, tasks as tasksQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { CLEAR, type ClearChoice, clearBody, clearOptions, wrongIndexes } from "../../lib/clear";
import { plural } from "../../lib/text";
import { NextPage } from "../../parts/controls";
import { Answer } from "../../parts/states";
import { Skipped, StepwiseDialog } from "../../parts/stepwise";
import { CommandLine, Time } from "../../parts/text";
import { announce } from "../../parts/toast";
import { ClearOptions } from "./clear-options";
import { ClearedRun, ClearedTasks } from "./clear-preview";

interface Props {
  run: Pick<Run, "id" | "dag" | "version">;
  tasks: readonly string[];
  /** The instance of the one mapped task that is looked at. */
  index?: number | undefined;
  /** Begins with only what failed of them. */
  onlyFailed?: boolean;
  onClose: () => void;
}

export function ClearDialog({ run, tasks, index, onlyFailed = false, onClose }: Props) {
  const [choice, setChoice] = useState<ClearChoice>({
    ...CLEAR,
    tasks,
    onlyFailed,
    indexes: index === undefined ? "" : String(index),
  });
  const summaries = useQuery(tasksQuery(run.id));
  const detail = useQuery(runQuery(run.id));
  const mapped =
    tasks.length === 1 &&
    (index !== undefined || Boolean(summaries.data?.some((t) => t.task === tasks[0] && t.mapped)));
  const wrong = mapped && wrongIndexes(choice.indexes) !== undefined;
  const body = clearBody(choice);
  const preview = useInfiniteQuery({
    queryKey: ["clear", run.id, body],
    queryFn: ({ pageParam }) => previewClear(run.id, { ...body, ...(pageParam ? { cursor: pageParam } : {}) }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.others?.next ?? undefined,
    enabled: !wrong,
    // What would run again changes with every attempt.
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
  const reread = useReread();
  const own = preview.data?.pages[0];
  const others = preview.data?.pages.flatMap((page) => page.others?.previews ?? []) ?? [];
  const skipped = preview.data?.pages.flatMap((page) => page.others?.skipped ?? []) ?? [];
  const more = preview.hasNextPage;
  const command = `wfctl runs clear ${run.id}${clearOptions(choice)}`;
  const many = Boolean(body.past || body.future);
  const instances = own?.total ?? 0;
  const runs = others.length + (instances > 0 ? 1 : 0);
  return (
    <StepwiseDialog
      title={`Clear ${tasks.length === 1 ? tasks[0] : plural(tasks.length, "task")}`}
      action={
        many ? `Clear in ${more ? `${runs}+ runs` : plural(runs, "run")}` : `Clear ${plural(instances, "instance")}`
      }
      verb="cleared"
      disabled={wrong || (runs === 0 && !more) || preview.isPlaceholderData || preview.isError}
      expected={many && !more ? runs : undefined}
      page={async (cursor, key) => {
        const made = await clear(run.id, { ...body, ...(cursor ? { cursor } : {}) }, key);
        const { acted = 0, ...rest } = made.others ?? {};
        return { ...rest, acted: acted + (cursor || instances === 0 ? 0 : 1) };
      }}
      resume={many ? (key) => `${command} --key ${key}` : undefined}
      onDone={async ({ acted }) => {
        announce(`${many ? plural(acted, "run") : plural(instances, "instance")} cleared: they run again`);
        await reread(["run", run.id], ["tasks", run.id], ["bars", run.id], ["instances", run.id], ["runs"], ["grid"]);
      }}
      onClose={onClose}
    >
      <div className="col g12">
        <ClearOptions choice={choice} onChange={setChoice} mapped={mapped} dates />
        {!wrong && (
          <>
            <p className="mut">
              Would run again: {many && `in ${more ? `at least ${plural(runs, "run")}` : plural(runs, "run")}, here `}
              {plural(own?.tasks.length ?? 0, "task")} with {plural(instances, "instance")}. Their outputs are replaced;
              attempts that run now are ended.
            </p>
            <Answer of={preview}>
              {() =>
                own && (
                  <section className="would" aria-label="Dry run">
                    {many ? (
                      <>
                        <ClearedRun
                          of={own}
                          open
                          label="What would run again of this run"
                          title={
                            <span>
                              This run, <Time at={detail.data?.logical_date} />
                            </span>
                          }
                        />
                        {others.map((other) => (
                          <ClearedRun
                            key={other.run}
                            of={other}
                            label={`What would run again of ${other.run}`}
                            title={
                              <span>
                                <Time at={other.logical_date} /> <code className="mut">{other.run}</code>
                              </span>
                            }
                          />
                        ))}
                        {more && (
                          <div>
                            <NextPage query={preview} small>
                              Further runs
                            </NextPage>
                          </div>
                        )}
                        {skipped.length > 0 && (
                          <div>
                            <Skipped reasons={skipped} all={skipped.length} />
                          </div>
                        )}
                      </>
                    ) : instances === 0 ? (
                      <div className="mut">Nothing: what may run already is left as it is.</div>
                    ) : (
                      <ClearedTasks of={own} label="What would run again" />
                    )}
                  </section>
                )
              }
            </Answer>
          </>
        )}
        <CommandLine text={command} />
      </div>
    </StepwiseDialog>
  );
}

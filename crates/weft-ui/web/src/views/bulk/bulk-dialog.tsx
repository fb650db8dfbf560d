/** Cancels, retries, clears or marks many runs: what is wanted, its dry run, then the action page by page. */
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useReread } from "../../api/acts";
import type { RunClearPreview } from "../../api/types";
import { useZone } from "../../app/prefs";
import { CLEAR, isEmpty, wrongIndexes } from "../../lib/clear";
import { count, plural } from "../../lib/text";
import { dateTime, ms } from "../../lib/time";
import { NextPage, Segments } from "../../parts/controls";
import { FormGroup } from "../../parts/form";
import { Answer } from "../../parts/states";
import { Skipped, StepwiseDialog } from "../../parts/stepwise";
import { CommandLine, Time } from "../../parts/text";
import { announce } from "../../parts/toast";
import { ClearOptions } from "../run/clear-options";
import { ClearedRun } from "../run/clear-preview";
import { commandOf, inWords, type Target } from "./target";
import { TaskChoice } from "./task-choice";
import { type Unfinished, unfinished } from "./unfinished";
import { type Action, act, optionsFor, preview, type Wanted } from "./wanted";
import "./bulk.css";

/** Pages that the dry run reads by itself: 50 runs each. */
const OWN_PAGES = 10;
/** Runs that the dry run lists; the others are counted. */
const MAX_LISTED = 200;

const WORDS: Record<Action, { title: string; act: string; verb: string }> = {
  cancel: { title: "Cancel runs", act: "Cancel", verb: "cancelled" },
  retry: { title: "Retry what failed", act: "Retry", verb: "retried" },
  clear: { title: "Clear tasks of runs", act: "Clear", verb: "cleared" },
  mark: { title: "Mark a task of runs", act: "Mark", verb: "marked" },
};

const STATES = [
  { id: "success", label: "Success" },
  { id: "failed", label: "Failed" },
  { id: "skipped", label: "Skipped" },
] as const;

interface Props {
  target: Target;
  action: Action;
  /** An action that was interrupted, which goes on. */
  from?: Unfinished;
  onClose: () => void;
}

const FIRST: Record<Action, Wanted> = {
  cancel: { action: "cancel", called: false },
  retry: { action: "retry" },
  clear: { action: "clear", choice: CLEAR },
  mark: { action: "mark", task: "", index: 0, state: "success" },
};

const isReady = (wanted: Wanted): boolean =>
  wanted.action === "clear"
    ? !isEmpty(wanted.choice) && wrongIndexes(wanted.choice.indexes) === undefined
    : wanted.action !== "mark" || wanted.task !== "";

/** The one DAG of the runs, if they have one. */
function dagOf(target: Target): string | undefined {
  if ("filter" in target) return target.filter.dag;
  const [first] = target.runs;
  return first && target.runs.every((run) => run.dag === first.dag) ? first.dag : undefined;
}

export function BulkDialog({ target, action, from, onClose }: Props) {
  const [wanted, setWanted] = useState<Wanted>(from?.wanted ?? FIRST[action]);
  const zone = useZone();
  const words = WORDS[action];
  const ready = isReady(wanted);
  const dry = useInfiniteQuery({
    queryKey: ["bulk", target, wanted],
    queryFn: ({ pageParam }) => preview(target, wanted, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    enabled: ready && !from,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
  const { hasNextPage, isFetching, fetchNextPage } = dry;
  const pages = dry.data?.pages.length ?? 0;
  useEffect(() => {
    if (hasNextPage && !isFetching && pages < OWN_PAGES) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage, pages]);
  const reread = useReread();
  const acted = dry.data?.pages.reduce((sum, page) => sum + page.acted, 0) ?? 0;
  const skipped = dry.data?.pages.flatMap((page) => page.skipped ?? []) ?? [];
  const previews = dry.data?.pages.flatMap((page) => page.previews ?? []) ?? [];
  const counted = hasNextPage ? `${count(acted)}+ runs` : plural(acted, "run");
  const command = commandOf(target, action, optionsFor(wanted, "filter" in target));
  return (
    <StepwiseDialog
      title={words.title}
      action={ready ? `${words.act} ${counted}` : words.act}
      verb={words.verb}
      disabled={!ready || dry.isPlaceholderData || !dry.data || dry.isError || (acted === 0 && !hasNextPage)}
      expected={hasNextPage || from ? undefined : acted}
      page={(cursor, key) => act(target, wanted, cursor, key)}
      resume={"filter" in target ? (key) => `${command} --key ${key}` : undefined}
      from={from?.progress}
      onProgress={(progress) => {
        if ("filter" in target) unfinished.set(progress.cursor ? { filter: target.filter, wanted, progress } : null);
      }}
      onDone={async (progress) => {
        announce(`${plural(progress.acted, "run")} ${words.verb}`);
        await reread(["runs"], ["run"], ["tasks"], ["bars"], ["instances"], ["grid"]);
      }}
      onClose={onClose}
    >
      <div className="col g12">
        <p>
          <span className="mut">Runs </span>
          <bdi>{inWords(target, (at) => `${dateTime(ms(at) ?? 0, zone)} ${zone}`)}</bdi>
        </p>
        <Form wanted={wanted} dag={dagOf(target)} onChange={setWanted} />
        {ready && (
          <Answer of={dry}>
            {() => (
              <>
                <p className="m" role="status">
                  Dry run: {counted} would be {words.verb}
                  {skipped.length > 0 && `, ${count(skipped.length)} left as they are`}.
                </p>
                {previews.length > 0 && <Previews runs={previews} target={target} />}
                {hasNextPage && pages >= OWN_PAGES && (
                  <div>
                    <NextPage query={dry} small>
                      Count further runs
                    </NextPage>
                  </div>
                )}
                <Skipped reasons={skipped} all={skipped.length} />
              </>
            )}
          </Answer>
        )}
        <CommandLine text={command} />
      </div>
    </StepwiseDialog>
  );
}

function Form({
  wanted,
  dag,
  onChange,
}: {
  wanted: Wanted;
  dag: string | undefined;
  onChange: (wanted: Wanted) => void;
}) {
  switch (wanted.action) {
    case "cancel":
      return (
        <>
          <p className="mut">
            What runs or is queued ends as cancelled; what has ended keeps its state. A cancelled run can be continued
            by clearing tasks.
          </p>
          <label className="check">
            <input
              type="checkbox"
              checked={wanted.called}
              onChange={(e) => onChange({ ...wanted, called: e.target.checked })}
            />
            Also cancel the runs that they called
          </label>
        </>
      );
    case "retry":
      return (
        <p className="mut">
          What failed, could not run since an upstream failed, or was cancelled runs again. Everything else keeps its
          state.
        </p>
      );
    case "clear":
      return (
        <>
          <TaskChoice
            dag={dag}
            tasks={wanted.choice.tasks}
            onChange={(tasks) => onChange({ ...wanted, choice: { ...wanted.choice, tasks } })}
          />
          <ClearOptions
            choice={wanted.choice}
            onChange={(choice) => onChange({ ...wanted, choice })}
            mapped={false}
            dates={false}
          />
        </>
      );
    case "mark":
      return (
        <>
          <TaskChoice
            dag={dag}
            single
            tasks={wanted.task ? [wanted.task] : []}
            onChange={([task = ""]) => onChange({ ...wanted, task })}
          />
          <FormGroup label="It becomes">
            <Segments
              label="State"
              value={wanted.state}
              options={STATES}
              onChange={(state) => onChange({ ...wanted, state })}
            />
          </FormGroup>
        </>
      );
  }
}

/** What would be cleared, run by run. */
function Previews({ runs, target }: { runs: readonly RunClearPreview[]; target: Target }) {
  const dags = new Map("runs" in target ? target.runs.map((run) => [run.id, run.dag]) : []);
  return (
    <section className="would" aria-label="Dry run">
      {runs.slice(0, MAX_LISTED).map((run) => (
        <ClearedRun
          key={run.run}
          of={run}
          label={`What would run again of ${run.run}`}
          title={
            <span>
              {dags.has(run.run) && <bdi>{dags.get(run.run)} </bdi>}
              <Time at={run.logical_date} /> <code className="mut">{run.run}</code>
            </span>
          }
        />
      ))}
      {runs.length > MAX_LISTED && <div className="mut">and {plural(runs.length - MAX_LISTED, "further run")}</div>}
    </section>
  );
}

/** Chooses one of a DAG's runs; the newest unless the address names another. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { runs as runsQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { dateTime, ms } from "../../lib/time";
import { Select } from "../../parts/controls";

export function useRunChoice(dag: string): {
  run: Run | undefined;
  runs: Run[];
  choose: (id: string) => void;
  pending: boolean;
} {
  const query = useInfiniteQuery(runsQuery({ dag }, 100));
  const [id, setId] = useParam("run");
  const list = query.data?.pages.flatMap((page) => page.items) ?? [];
  const run = list.find((r) => r.id === id) ?? list[0];
  const at = run ? list.indexOf(run) : -1;
  const to = (i: number) => {
    const next = list[i];
    return next ? () => setId(next.id) : undefined;
  };
  useKeys({ "[": to(at + 1), "]": at > 0 ? to(at - 1) : undefined });
  return { run, runs: list, choose: (v) => setId(v, true), pending: query.isPending };
}

export function RunSelect({
  runs,
  run,
  choose,
  zone: ofDag,
}: {
  runs: Run[];
  run: Run;
  choose: (id: string) => void;
  zone?: string | null;
}) {
  const zone = useZone(ofDag);
  return (
    <Select
      label="Run"
      value={run.id}
      options={runs.map((r) => ({
        id: r.id,
        label: `Run ${dateTime(ms(r.logical_date) ?? 0, zone)}, ${r.state}`,
      }))}
      onChange={choose}
    />
  );
}

/** Failures grouped by cause; a group opens its newest instance's log. */
import type { FailureGroup, Failures } from "../../api/shapes";
import { useParam } from "../../app/search";
import { count, plural } from "../../lib/text";
import { ms } from "../../lib/time";
import { Segments } from "../../parts/controls";
import { Go } from "../../parts/go";
import { instanceTo } from "../../parts/links";
import { useRows } from "../../parts/rows";
import { Spark } from "../../parts/spark";
import { Box, Empty } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";

const ORDERS = [
  { id: "newest", label: "Newest cause" },
  { id: "most", label: "Most" },
] as const;

export const firstSeen = (group: FailureGroup): string => group.first_seen?.at ?? group.first;

function ordered(groups: readonly FailureGroup[], order: string): FailureGroup[] {
  const key = order === "most" ? (g: FailureGroup) => g.attempts : (g: FailureGroup) => ms(firstSeen(g)) ?? 0;
  return [...groups].sort((a, b) => key(b) - key(a));
}

export function Causes({ failures, dag }: { failures: Failures; dag?: string }) {
  const [order, setOrder] = useParam("sort", "newest");
  const groups = ordered(failures.groups, order);
  const total = groups.reduce((sum, g) => sum + g.attempts, 0);
  const rows = useRows(groups.length);
  const since = ms(failures.since) ?? 0;
  return (
    <Box
      title="Failures by cause"
      note={
        groups.length
          ? `${plural(groups.length, "cause")}, ${plural(total, "attempt")}${failures.truncated ? " at least" : ""}`
          : ""
      }
      actions={
        groups.length > 1 && (
          <Segments small label="Order" value={order} options={ORDERS} onChange={(v) => setOrder(v)} />
        )
      }
    >
      {groups.length === 0 ? (
        <Empty>
          <span className="row g8">
            <Mark state="success" /> Nothing has failed since <Time at={failures.since} named />.
          </span>
        </Empty>
      ) : (
        <>
          <div className="fgh">
            <span />
            <span>Cause and task</span>
            <span className="spark">Over time</span>
            <span className="r">Failed</span>
            <span className="r">Last</span>
          </div>
          {groups.map((group, i) => (
            <Cause
              key={group.fingerprint}
              group={group}
              isNew={(ms(firstSeen(group)) ?? 0) >= since}
              row={rows(i)}
              inDag={dag !== undefined}
            />
          ))}
        </>
      )}
    </Box>
  );
}

function Cause({ group, isNew, row, inDag }: { group: FailureGroup; isNew: boolean; row: object; inDag: boolean }) {
  const { newest } = group;
  const others = group.task_count - 1;
  const seen = group.first_seen;
  return (
    <Go target={instanceTo(newest, "logs", newest.attempt)} className="fg" {...row}>
      <Mark state="failed" />
      <div style={{ minWidth: 0 }}>
        <div className="t el">
          <UntrustedText>{group.message}</UntrustedText>
        </div>
        <div className="s">
          <span className="el">
            {!inDag && (
              <>
                <b>
                  <UntrustedText max={60}>{newest.dag}</UntrustedText>
                </b>
                {" › "}
              </>
            )}
            <UntrustedText max={60}>{newest.task}</UntrustedText>
            {others > 0 && ` and ${plural(others, "more task")}`}
          </span>
          {seen ? (
            isNew ? (
              <span className="tag new">New in version {seen.version}</span>
            ) : (
              <span className="nw">first seen in version {seen.version}</span>
            )
          ) : null}
          <span className="nw">
            <Time at={firstSeen(group)} form="relative" />
          </span>
        </div>
      </div>
      <span className="spark">
        <Spark values={group.hours} width={128} colour="failed" label={`${group.attempts} failures over time`} />
      </span>
      <span className="r sb t14 n">{count(group.attempts)}</span>
      <span className="r mut when">
        <Time at={group.last} form="short" />
      </span>
    </Go>
  );
}

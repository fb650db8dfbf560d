/** Health in one line: quiet where all is well, the failing part in words where not. */
import { Link } from "@tanstack/react-router";
import type { Overview } from "../../api/shapes";
import { useMe } from "../../app/me";
import { Guest } from "../../parts/text";
import { Mark } from "../../state/mark";

export function Health({ health }: { health: Overview["health"] }) {
  const { server_version } = useMe();
  const bad: { key: string; text: React.ReactNode }[] = [];
  if (health.schedulers && health.schedulers.live === 0) bad.push({ key: "s", text: "No scheduler is alive" });
  if (health.shards && health.shards.unowned > 0) {
    bad.push({ key: "shards", text: `${health.shards.unowned} of ${health.shards.total} shards have no scheduler` });
  }
  if (health.workers && health.workers.count === 0) bad.push({ key: "w", text: "No worker is connected" });
  for (const queue of health.queues ?? []) {
    if (queue.workers === 0 && queue.queued + queue.ready > 0) {
      bad.push({
        key: queue.name,
        text: (
          <>
            Queue <Guest>{queue.name}</Guest> has no worker
          </>
        ),
      });
    }
  }
  if (health.broker && health.broker !== "ok") bad.push({ key: "broker", text: "The broker can't be reached" });
  return (
    <section className="box health" role="status" aria-label="Health">
      <h2>
        <Link to="/fleet">Health</Link>
      </h2>
      {bad.map(({ key, text }) => (
        <span className="i bad" key={key}>
          <Mark state="failed" size={14} />
          <b>{text}</b>
        </span>
      ))}
      {health.schedulers && health.schedulers.live > 0 && (
        <span className="i quiet">
          Schedulers <b>{health.schedulers.live}</b>
        </span>
      )}
      {health.shards && (
        <span className="i quiet">
          Shards{" "}
          <b>
            {health.shards.total - health.shards.unowned} of {health.shards.total}
          </b>
        </span>
      )}
      {health.workers && (
        <>
          <span className="i">
            Workers <b>{health.workers.count}</b>
          </span>
          <span className="i">
            Slots{" "}
            <b>
              {health.workers.running} of {health.workers.slots}
            </b>
          </span>
          {health.workers.draining > 0 && (
            <span className="i">
              Draining <b>{health.workers.draining}</b>
            </span>
          )}
        </>
      )}
      {health.broker === "ok" && (
        <span className="i quiet">
          Broker <b>ok</b>
        </span>
      )}
      <span className="sp" />
      <span className="i quiet">{server_version}</span>
    </section>
  );
}

/** Health in one line: quiet where all is well, the failing part in words where not. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Overview } from "../../api/shapes";
import { useMe } from "../../app/me";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";

type State = Overview["health"];

function problems(health: State): { key: string; text: ReactNode }[] {
  const bad: { key: string; text: ReactNode }[] = [];
  if (!health.scheduler_ok) bad.push({ key: "scheduler", text: "No scheduler is at work" });
  if (health.shards_unowned > 0) {
    bad.push({ key: "shards", text: `${health.shards_unowned} of ${health.shards} shards have no scheduler` });
  }
  if (health.workers === 0) bad.push({ key: "workers", text: "No worker is connected" });
  if (!health.broker_ok) bad.push({ key: "broker", text: "The broker can't be reached" });
  for (const queue of health.queues) {
    if (queue.workers > 0 || queue.queued + queue.ready === 0) continue;
    bad.push({
      key: `queue ${queue.name}`,
      text: (
        <>
          Queue <UntrustedText>{queue.name}</UntrustedText> has no worker
        </>
      ),
    });
  }
  return bad;
}

export function Health({ health }: { health: State }) {
  const { server_version } = useMe();
  return (
    <section className="box health" role="status" aria-label="Health">
      <h2>
        <Link to="/fleet">Health</Link>
      </h2>
      {problems(health).map(({ key, text }) => (
        <span className="i bad" key={key}>
          <Mark state="failed" size={14} />
          <b>{text}</b>
        </span>
      ))}
      {health.shards > 0 && (
        <Part name="Shards" quiet>
          {health.shards - health.shards_unowned} of {health.shards}
        </Part>
      )}
      <Part name="Workers">{health.workers}</Part>
      <Part name="Slots">
        {/* A worker holds attempts beyond its slots, so that it never waits for the next. */}
        {Math.min(health.slots_used, health.slots)} of {health.slots}
      </Part>
      {health.workers_draining > 0 && <Part name="Draining">{health.workers_draining}</Part>}
      {health.scheduler_ok && (
        <Part name="Scheduler" quiet>
          ok
        </Part>
      )}
      {health.broker_ok && (
        <Part name="Broker" quiet>
          ok
        </Part>
      )}
      <span className="sp" />
      <span className="i quiet">{server_version}</span>
    </section>
  );
}

function Part({ name, quiet = false, children }: { name: string; quiet?: boolean; children: ReactNode }) {
  return (
    <span className={quiet ? "i quiet" : "i"}>
      {name} <b>{children}</b>
    </span>
  );
}

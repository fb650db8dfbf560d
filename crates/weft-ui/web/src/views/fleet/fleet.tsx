/** The fleet: workers with their slots, queues, pools, schedulers. */
import { useQuery } from "@tanstack/react-query";
import { drain, useReread } from "../../api/acts";
import {
  pools as poolsQuery,
  queues as queuesQuery,
  shards as shardsQuery,
  workers as workersQuery,
} from "../../api/fleet";
import type { Queue, Worker } from "../../api/types";
import { Head } from "../../app/head";
import { useMay } from "../../app/me";
import { useParam } from "../../app/search";
import { count, plural, shell } from "../../lib/text";
import { SearchField } from "../../parts/controls";
import { Answer, Box, Empty, Skeleton } from "../../parts/states";
import { CommandLine, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Badge, Mark } from "../../state/mark";
import { Slots } from "./slots";
import "./fleet.css";

export function Fleet() {
  const [q, setQ] = useParam("q");
  return (
    <>
      <Head
        title="Fleet"
        actions={<SearchField label="Filter workers" value={q} onChange={(v) => setQ(v)} width={200} />}
      />
      <div className="body">
        <div className="pad fleet">
          <div className="col g16">
            <Workers q={q} />
          </div>
          <div className="col g16">
            <Queues />
            <Pools />
            <Schedulers />
          </div>
        </div>
      </div>
    </>
  );
}

const OWN_LABELS = new Set(["version", "host", "hostname", "arch", "architecture", "os", "features", "cpus"]);

function Workers({ q }: { q: string }) {
  const query = useQuery(workersQuery);
  const words = q.toLowerCase();
  const all = query.data ?? [];
  const shown = all.filter((w) =>
    `${w.id} ${w.queues.join(" ")} ${JSON.stringify(w.labels)}`.toLowerCase().includes(words),
  );
  const slots = all.reduce((sum, w) => sum + w.slots, 0);
  const running = all.reduce((sum, w) => sum + w.running, 0);
  return (
    <Box
      title="Workers"
      note={query.data ? `${plural(all.length, "worker")}, ${count(running)} of ${count(slots)} slots used` : ""}
    >
      <Answer of={query} skeleton={<Skeleton rows={6} height={14} />}>
        {() =>
          shown.length === 0 ? (
            <Empty>
              {all.length === 0 ? (
                <div className="col g8">
                  <b>No worker is connected.</b> Start one on a machine:
                  <CommandLine text="wfctl worker --help" />
                </div>
              ) : (
                "No worker matches."
              )}
            </Empty>
          ) : (
            <table className="tbl tight">
              <thead>
                <tr>
                  <th>Worker</th>
                  <th className="wide">Labels</th>
                  <th>Queues</th>
                  <th>Slots</th>
                  <th className="r">Used</th>
                  <th className="r wide">Version</th>
                  <th>
                    <span className="vh">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {shown.map((w) => (
                  <WorkerRow key={w.id} worker={w} />
                ))}
              </tbody>
            </table>
          )
        }
      </Answer>
    </Box>
  );
}

function WorkerRow({ worker }: { worker: Worker }) {
  const settle = useMay("settle");
  const reread = useReread();
  const labels = Object.entries(worker.labels).filter(([name]) => !OWN_LABELS.has(name));
  return (
    <tr>
      <td className="m grow">
        <UntrustedText max={60}>{worker.id}</UntrustedText>
      </td>
      <td className="mut wide">
        {labels.map(([name, value]) => (
          <span key={name} className="nw">
            <UntrustedText max={60}>{`${name}=${value}`}</UntrustedText>{" "}
          </span>
        ))}
      </td>
      <td>
        <UntrustedText max={60}>{worker.queues.join(", ")}</UntrustedText>
      </td>
      <td>
        <Slots used={worker.running} all={worker.slots} />
      </td>
      <td className="r">{worker.running}</td>
      <td className="r mut wide">{worker.labels.version}</td>
      <td className="r">
        {worker.draining ? (
          <span className="tag">draining</span>
        ) : (
          settle && (
            <button
              type="button"
              className="btn ghost sm"
              onClick={async () => {
                try {
                  await drain(worker.id);
                  announce(`${worker.id} takes no new attempts`);
                } catch (e) {
                  announce(e instanceof Error ? e.message : String(e));
                }
                await reread(["workers"]);
              }}
            >
              Drain
            </button>
          )
        )}
      </td>
    </tr>
  );
}

function Queues() {
  const query = useQuery(queuesQuery);
  const list = query.data ?? [];
  const stuck = list.filter((q) => q.workers === 0 && q.queued + q.ready > 0);
  return (
    <Box
      title="Queues"
      note={query.data ? `${count(list.reduce((sum, q) => sum + q.queued + q.ready, 0))} waiting` : ""}
    >
      <Answer of={query} skeleton={<Skeleton rows={3} height={14} />}>
        {() => (
          <>
            <table className="tbl tight">
              <thead>
                <tr>
                  <th>Queue</th>
                  <th>Workers</th>
                  <th className="r">Queued</th>
                  <th className="r">Ready</th>
                  <th className="r">Free</th>
                </tr>
              </thead>
              <tbody>
                {list.map((q) => (
                  <QueueRow key={q.name} queue={q} />
                ))}
              </tbody>
            </table>
            {stuck[0] && (
              <div className="pad16 col g8">
                <span className="mut">
                  Work waits in <UntrustedText>{stuck[0].name}</UntrustedText>. A worker must be started with
                </span>
                <CommandLine text={`wfctl worker -q ${shell(stuck[0].name)}`} />
              </div>
            )}
          </>
        )}
      </Answer>
    </Box>
  );
}

function QueueRow({ queue }: { queue: Queue }) {
  const bad = queue.workers === 0 && queue.queued + queue.ready > 0;
  return (
    <tr>
      <td className="m grow">
        <UntrustedText max={60}>{queue.name}</UntrustedText>
      </td>
      <td className={bad ? "" : "mut"}>{bad ? <Badge state="failed">none</Badge> : queue.workers}</td>
      <td className={bad ? "r sb" : "r"}>{count(queue.queued)}</td>
      <td className={bad ? "r sb" : "r"}>{count(queue.ready)}</td>
      <td className="r mut">{count(queue.places)}</td>
    </tr>
  );
}

function Pools() {
  const query = useQuery(poolsQuery);
  return (
    <Box title="Pools">
      <Answer of={query} skeleton={<Skeleton rows={2} height={14} />}>
        {(list) =>
          list.length === 0 ? (
            <Empty>There are none: tasks share nothing but workers' slots.</Empty>
          ) : (
            <table className="tbl tight">
              <thead>
                <tr>
                  <th>Pool</th>
                  <th className="r">Slots</th>
                </tr>
              </thead>
              <tbody>
                {list.map((p) => (
                  <tr key={p.name}>
                    <td className="m grow">
                      <UntrustedText>{p.name}</UntrustedText>
                    </td>
                    <td className="r">{count(p.slots)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answer>
    </Box>
  );
}

function Schedulers() {
  const query = useQuery(shardsQuery);
  const list = query.data ?? [];
  const without = list.filter((s) => !s.scheduler).length;
  return (
    <Box
      title="Schedulers"
      note={
        query.data ? `${plural(list.length, "shard")}, ${without ? `${without} without a scheduler` : "all owned"}` : ""
      }
    >
      <Answer of={query} skeleton={<Skeleton rows={2} height={14} />}>
        {() => (
          <table className="tbl tight">
            <thead>
              <tr>
                <th>Shard</th>
                <th>Scheduler</th>
                <th className="r">Tenants</th>
                <th className="r">Takeovers</th>
              </tr>
            </thead>
            <tbody>
              {list.map((s) => (
                <tr key={s.id}>
                  <td className="m">{s.id}</td>
                  <td className="grow">
                    {s.scheduler ? (
                      <UntrustedText max={40}>{s.scheduler}</UntrustedText>
                    ) : (
                      <span className="row g4 st-failed">
                        <Mark state="failed" size={14} /> none
                      </span>
                    )}
                  </td>
                  <td className="r">{count(s.tenants)}</td>
                  <td className="r mut">{count(s.takeovers)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Answer>
    </Box>
  );
}

/** What an attempt used of each limit. */
import { useQuery } from "@tanstack/react-query";
import { version as versionQuery } from "../../api/queries";
import type { Attempt, Instance, Run, Usage } from "../../api/types";
import { bytes } from "../../lib/text";
import { duration, ms } from "../../lib/time";
import { Box, Empty } from "../../parts/states";
import { sizeOf, spanOf, specOf } from "./spec";

export interface AttemptProps {
  run: Run;
  instance: Instance;
  attempt: number;
  at: Attempt | undefined;
}

interface Limit {
  name: string;
  used: number;
  most?: number;
  words: (n: number) => string;
  /** The limit is the installation's default, not the task's own. */
  standard?: boolean;
}

/** The defaults of `docs/reference/limits.md`; an installation's policy may set others. */
const DEFAULTS = { memory: 256 * 1024 ** 2, cpu: 600_000, timeout: 3_600_000, log: 4 * 1024 ** 2, output: 1024 ** 2 };

export function limitsOf(usage: Usage, spec: ReturnType<typeof specOf>, output: number | undefined): Limit[] {
  const own = (key: keyof typeof DEFAULTS, read: (t: string) => number | undefined) => {
    const text = key === "timeout" ? spec.timeout : spec.limits[key];
    const value = text ? read(text) : undefined;
    return value === undefined ? { most: DEFAULTS[key], standard: true } : { most: value };
  };
  const time = (n: number) => duration(n);
  return [
    { name: "Memory", used: usage.memory_peak_bytes ?? 0, words: bytes, ...own("memory", sizeOf) },
    { name: "CPU", used: (usage.cpu_us ?? 0) / 1000, words: time, ...own("cpu", spanOf) },
    { name: "Time", used: (usage.wall_us ?? 0) / 1000, words: time, ...own("timeout", spanOf) },
    { name: "Log", used: usage.log_bytes ?? 0, words: bytes, ...own("log", sizeOf) },
    ...(output !== undefined ? [{ name: "Output", used: output, words: bytes, ...own("output", sizeOf) }] : []),
    { name: "Network in", used: usage.bytes_in ?? 0, words: bytes },
    { name: "Network out", used: usage.bytes_out ?? 0, words: bytes },
  ];
}

export function LimitRows({ run, instance, at }: AttemptProps) {
  const doc = useQuery(versionQuery(run.dag, run.version));
  const usage = at?.usage ?? (at && at.end === undefined ? instance.usage : undefined) ?? undefined;
  if (!usage) return <div className="mut">Known when the attempt has ended.</div>;
  const rows = limitsOf(usage, specOf(doc.data?.document, instance.task), instance.output?.bytes);
  return (
    <>
      {rows.map((limit) => {
        const share = limit.most ? Math.min(1, limit.used / limit.most) : 0;
        return (
          <div
            className="lim"
            key={limit.name}
            title={limit.standard ? "The default limit; a policy may set another" : undefined}
          >
            <span className="mut">{limit.name}</span>
            {limit.most ? (
              <span className="track">
                <i
                  className={share > 0.8 ? "high" : ""}
                  style={{ width: `${Math.max(share > 0 ? 2 : 0, share * 100)}%` }}
                />
              </span>
            ) : (
              <span />
            )}
            <span className="r nw">
              {limit.words(limit.used)}
              {limit.most && <span className="mut"> of {limit.words(limit.most).replace(/\.0 /, " ")}</span>}
            </span>
          </div>
        );
      })}
    </>
  );
}

export function Limits(props: AttemptProps) {
  const { instance, at } = props;
  const started = ms(at?.started);
  const queued = ms(at?.queued);
  return (
    <div className="body">
      <div className="pad col g16">
        {at ? (
          <Box title="Used of each limit" note={`attempt ${at.number}`}>
            <div className="pad16">
              <LimitRows {...props} />
            </div>
          </Box>
        ) : (
          <Empty>{instance.attempt === 0 ? "It has not run yet." : "This attempt is not known."}</Empty>
        )}
        {started !== undefined && queued !== undefined && (
          <Box title="Before it started">
            <div className="pad16">Waited {duration(Math.max(0, started - queued))} for a slot.</div>
          </Box>
        )}
      </div>
    </div>
  );
}

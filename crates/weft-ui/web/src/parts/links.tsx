/** Links to DAGs, runs, task instances and assets. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Run } from "../api/types";
import { Go, type Target } from "./go";
import { UntrustedText } from "./text";

/** The longest name of an asset, in bytes. */
const MAX_ASSET = 250;

interface Common {
  children?: ReactNode;
  className?: string;
}

export function DagLink({ dag, tab = "grid", children, className = "lk" }: Common & { dag: string; tab?: string }) {
  return (
    <Link to="/dags/$dag/$tab" params={{ dag, tab }} className={className}>
      {children ?? <UntrustedText>{dag}</UntrustedText>}
    </Link>
  );
}

export function AssetLink({ asset, children, className = "lk" }: Common & { asset: string }) {
  return (
    <Go target={{ to: "/assets/show", search: { asset } }} className={className}>
      {children ?? <UntrustedText max={MAX_ASSET}>{asset}</UntrustedText>}
    </Go>
  );
}

export function RunLink(props: Common & { dag: string; run: string; tab?: string; task?: string }) {
  const { dag, run, tab = "overview", task, children, className = "lk" } = props;
  return (
    <Link
      to="/dags/$dag/runs/$run/$tab"
      params={{ dag, run, tab }}
      {...(task ? { search: { task } } : {})}
      className={className}
    >
      {children ?? <code>{run}</code>}
    </Link>
  );
}

export interface InstanceAt {
  dag: string;
  run: string;
  task: string;
  index: number;
  mapped?: boolean | undefined;
}

/** Props of a link to a task instance; single instances have no index in their address. */
export function instanceTo(at: InstanceAt, tab = "logs", attempt?: number, line?: number): Target {
  const { dag, run, task, index } = at;
  const common = {
    ...(attempt ? { search: { attempt: String(attempt) } } : {}),
    ...(line !== undefined ? { hash: `L${line + 1}` } : {}),
  };
  return at.mapped || index > 0
    ? {
        to: "/dags/$dag/runs/$run/tasks/$task/$index/$tab",
        params: { dag, run, task, index: String(index), tab },
        ...common,
      }
    : { to: "/dags/$dag/runs/$run/tasks/$task/$tab", params: { dag, run, task, tab }, ...common };
}

export function InstanceLink(props: Common & InstanceAt & { tab?: string; attempt?: number; line?: number }) {
  const { tab, attempt, line, children, className = "lk", ...at } = props;
  return (
    <Go target={instanceTo(at, tab, attempt, line)} className={className}>
      {children ?? <InstanceName task={at.task} index={at.index} mapped={at.mapped} />}
    </Go>
  );
}

/** `task`, or `task [17]`. */
export function InstanceName({ task, index, mapped }: { task: string; index: number; mapped?: boolean | undefined }) {
  return (
    <span>
      <UntrustedText>{task}</UntrustedText>
      {(mapped || index > 0) && ` [${index}]`}
    </span>
  );
}

/** The id of a run's trace; a link if the operator named where traces are shown. */
export function TraceLink({ run }: { run: Pick<Run, "trace" | "trace_url"> }) {
  const id = <code>{run.trace?.split("-")[1] ?? run.trace}</code>;
  if (!run.trace_url) return id;
  return (
    <a className="lk" href={run.trace_url} target="_blank" rel="noreferrer">
      {id}
    </a>
  );
}

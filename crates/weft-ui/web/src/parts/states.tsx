/** Loading, empty and error states, and the frame of a box. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Mark } from "../state/mark";
import { Icon } from "./icons";
import { UntrustedText } from "./text";

/** Grey bars in the geometry of what will be there: only before the first answer. */
export function Skeleton({ rows = 6, height = 20, gap = 16 }: { rows?: number; height?: number; gap?: number }) {
  return (
    <div className="col" style={{ gap, padding: 16 }} role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars have no other identity
        <div key={i} className="sk" style={{ height, width: `${92 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

/** An error in its place: what happened, its code, the request's id, a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const problem = error instanceof ApiError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div className="err" role="alert">
      <div className="row g8">
        <Mark state="failed" />
        <span className="m wrapany">
          <UntrustedText max={600}>{message}</UntrustedText>
        </span>
      </div>
      {problem?.problems?.map((p) => (
        <div key={`${p.path} ${p.message}`} className="mut">
          {p.path ? <code>{p.path}</code> : null} <UntrustedText>{p.message}</UntrustedText>
        </div>
      ))}
      {problem?.help && <div className="mut">{problem.help}</div>}
      <div className="row g12 wrapflex">
        {retry && (
          <button type="button" className="btn sm" onClick={retry}>
            <Icon name="retry" size={12} />
            Try again
          </button>
        )}
        {problem && (
          <span className="mut t12">
            <code>{problem.code}</code>
            {problem.request && (
              <>
                {" "}
                request <code>{problem.request}</code>
              </>
            )}
          </span>
        )}
      </div>
    </div>
  );
}

type Result<T> = Pick<UseQueryResult<T>, "data" | "error" | "isPending" | "refetch">;

/** The answer of a query in one of its three states. With an old answer an error shows above it, never instead. */
export function Answer<T>(props: { of: Result<T>; skeleton?: ReactNode; children: (data: T) => ReactNode }) {
  const { of, skeleton = <Skeleton />, children } = props;
  if (of.data !== undefined) {
    return (
      <>
        {of.error && <Failure error={of.error} retry={() => void of.refetch()} />}
        {children(of.data)}
      </>
    );
  }
  if (of.error) return <Failure error={of.error} retry={() => void of.refetch()} />;
  return <>{skeleton}</>;
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="empty">{children}</div>;
}

interface BoxProps {
  title: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  id?: string;
}

export function Box({ title, note, actions, children, id }: BoxProps) {
  return (
    <section className="box" {...(id ? { id } : {})}>
      <div className="bh">
        <h2>{title}</h2>
        {note !== undefined && <span className={actions ? "mut el wide" : "mut el"}>{note}</span>}
        <span className="sp" />
        {actions}
      </div>
      {children}
    </section>
  );
}

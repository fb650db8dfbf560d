/** A small form in one row that changes one thing and says what came of it. */
import { type FormEvent, type ReactNode, useState } from "react";
import { useReread } from "../../api/acts";
import { Failure } from "../../parts/states";
import { announce } from "../../parts/toast";

interface Props {
  action: string;
  /** Does it and returns what is said then. */
  act: () => Promise<string>;
  reread: string;
  ready: boolean;
  children: ReactNode;
}

export function RowForm({ action, act, reread: key, ready, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const reread = useReread();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      announce(await act());
      await reread([key]);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit} className="pad16 row-form">
      <div className="row g8 wrapflex col-end">
        {children}
        <button type="submit" className="btn" disabled={busy || !ready}>
          {action}
        </button>
      </div>
      {error !== undefined && <Failure error={error} />}
    </form>
  );
}

interface InputProps {
  label: string;
  value: string;
  onChange: (v: string) => void;
  width?: number;
  secret?: boolean;
}

export function Input({ label, value, onChange, width = 180, secret = false }: InputProps) {
  return (
    <label className="col">
      <span className="mut t12">{label}</span>
      <span className="in" style={{ width }}>
        <input
          value={value}
          type={secret ? "password" : "text"}
          autoComplete="off"
          spellCheck={false}
          onChange={(e) => onChange(e.target.value)}
        />
      </span>
    </label>
  );
}

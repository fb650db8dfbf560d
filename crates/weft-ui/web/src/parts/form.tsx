/** Forms in dialogs: fields with their hints, and refusals at the fields that they are about. */
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { fieldOf } from "../lib/refusal";
import { Mark } from "../state/mark";
import { DialogFrame } from "./dialog";
import { Failure } from "./states";
import { UntrustedText } from "./text";
import "./form.css";

/** What a control says about itself. */
export interface Aria {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby"?: string;
}

interface FieldProps {
  label: ReactNode;
  error?: string | undefined;
  hint?: ReactNode;
  children: (aria: Aria) => ReactNode;
}

export function FormField({ label, error, hint, children }: FieldProps) {
  const id = useId();
  const described = [error && `${id}e`, hint && `${id}h`].filter(Boolean).join(" ");
  return (
    <div className="form-field">
      <label className="m" htmlFor={id}>
        {label}
      </label>
      {children({ id, "aria-invalid": Boolean(error), ...(described ? { "aria-describedby": described } : {}) })}
      <Below id={id} error={error} hint={hint} />
    </div>
  );
}

/** Several controls under one name. */
export function FormGroup({ label, error, hint, children }: Omit<FieldProps, "children"> & { children: ReactNode }) {
  const id = useId();
  return (
    <fieldset
      className="form-field"
      aria-describedby={[error && `${id}e`, hint && `${id}h`].filter(Boolean).join(" ") || undefined}
      {...(error ? { "data-refused": true, tabIndex: -1 } : {})}
    >
      <legend className="m">{label}</legend>
      {children}
      <Below id={id} error={error} hint={hint} />
    </fieldset>
  );
}

function Below({ id, error, hint }: { id: string; error: string | undefined; hint: ReactNode }) {
  return (
    <>
      <div aria-live="polite">
        {error && (
          <div className="form-error st-failed t12" id={`${id}e`}>
            <Mark state="failed" size={14} />
            <span className="wrapany">
              <UntrustedText max={600}>{error}</UntrustedText>
            </span>
          </div>
        )}
      </div>
      {hint && (
        <div className="form-hint mut t12" id={`${id}h`}>
          {hint}
        </div>
      )}
    </>
  );
}

interface TextProps extends Omit<FieldProps, "children"> {
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  /** Hidden while it is typed. */
  secret?: boolean;
  mono?: boolean;
  numeric?: boolean;
  /** As many lines; one if absent. */
  rows?: number;
}

export function TextField({ value, onChange, placeholder, secret, mono, numeric, rows, ...field }: TextProps) {
  const common = { value, placeholder, spellCheck: false, autoComplete: "off" } as const;
  const bad = field.error ? " bad" : "";
  return (
    <FormField {...field}>
      {(aria) =>
        rows ? (
          <textarea
            {...aria}
            {...common}
            className={`area${bad}`}
            rows={rows}
            onChange={(e) => onChange(e.target.value)}
          />
        ) : (
          <div className={`in${bad}`}>
            <input
              {...aria}
              {...common}
              type={secret ? "password" : "text"}
              className={mono ? "mono" : undefined}
              inputMode={numeric ? "numeric" : undefined}
              onChange={(e) => onChange(e.target.value)}
            />
          </div>
        )
      }
    </FormField>
  );
}

interface DialogProps {
  title: ReactNode;
  /** What the button does. */
  action: string;
  /** Does it; what it throws is shown at its field, or below the form. */
  act: () => Promise<unknown>;
  onClose: () => void;
  /** The fields that refusals may be about. */
  fields: readonly string[];
  /** Problems that are always about one field. */
  codes?: Readonly<Record<string, string>>;
  children: (refused: (field: string) => string | undefined) => ReactNode;
}

export function FormDialog({ title, action, act, onClose, fields, codes, children }: DialogProps) {
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const field = fieldOf(error, fields, codes);
  useEffect(() => {
    if (error === undefined) return;
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"], [data-refused]')?.focus();
  }, [error]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await act();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <DialogFrame
      title={title}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="btn" onClick={onClose}>
            Back
          </button>
          <button type="submit" form={id} className="btn pri" disabled={busy}>
            {action}
          </button>
        </>
      }
    >
      <form id={id} ref={form} className="col g16" onSubmit={(e) => void submit(e)} noValidate>
        {children((name) => (name === field && error instanceof Error ? error.message : undefined))}
        {error !== undefined && field === undefined && <Failure error={error} />}
      </form>
    </DialogFrame>
  );
}

/** One parameter: its name, a field by its kind, what was there before, what is wrong. */
import { useId } from "react";
import type { ParamDetail } from "../../api/types";
import { Segments, Select } from "../../parts/controls";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { hint, kindOf, schemaOf } from "./params";
import "./field.css";

interface Props {
  param: ParamDetail;
  text: string;
  error: string | undefined;
  /** The text that it was filled in with, where that differs. */
  was: string | undefined;
  onChange: (text: string) => void;
}

/** As many choices stand side by side. */
const MAX_SEGMENTS = 4;

export function Field({ param, text, error, was, onChange }: Props) {
  const id = useId();
  const kind = kindOf(param);
  const schema = schemaOf(param);
  const title = schema.title;
  const about = param.description ?? schema.description;
  const described = [error && `${id}e`, about && `${id}d`].filter(Boolean).join(" ");
  const aria = { "aria-invalid": Boolean(error), ...(described ? { "aria-describedby": described } : {}) };
  const options = (schema.enum ?? []).map((v) => ({
    id: JSON.stringify(v),
    label: typeof v === "string" ? v : JSON.stringify(v),
  }));
  return (
    <div className="field">
      <label htmlFor={id} className="fl">
        <span className="m">
          <UntrustedText>{title ?? param.name}</UntrustedText>
          {param.required && <span className="mut"> required</span>}
        </span>
        {title && (
          <code className="mut">
            <UntrustedText>{param.name}</UntrustedText>
          </code>
        )}
      </label>
      <div className="fi">
        {kind === "choice" && options.length <= MAX_SEGMENTS ? (
          <Segments label={param.name} value={text} options={options} onChange={onChange} />
        ) : kind === "choice" ? (
          <Select
            label={param.name}
            value={text}
            // Nothing is chosen yet: the platform would show the first one.
            options={options.some((o) => o.id === text) ? options : [{ id: text, label: "" }, ...options]}
            onChange={onChange}
          />
        ) : kind === "boolean" ? (
          <label className="check">
            <input
              id={id}
              type="checkbox"
              checked={text === "true"}
              onChange={(e) => onChange(String(e.target.checked))}
            />
            {text === "true" ? "yes" : "no"}
          </label>
        ) : kind === "json" ? (
          <textarea
            id={id}
            className={error ? "area bad" : "area"}
            rows={Math.min(10, Math.max(3, text.split("\n").length))}
            value={text}
            spellCheck={false}
            onChange={(e) => onChange(e.target.value)}
            {...aria}
          />
        ) : (
          <div className={error ? "in bad" : "in"}>
            <input
              id={id}
              value={text}
              spellCheck={false}
              inputMode={kind === "text" ? "text" : "decimal"}
              onChange={(e) => onChange(e.target.value)}
              {...aria}
            />
            <span className="mut nw">{hint(param)}</span>
          </div>
        )}
        {error && (
          <div className="row g4 st-failed t12 fe" id={`${id}e`}>
            <Mark state="failed" size={14} />
            <UntrustedText>{error}</UntrustedText>
          </div>
        )}
        {about && (
          <div className="mut t12 fe" id={`${id}d`}>
            <UntrustedText max={400}>{about}</UntrustedText>
          </div>
        )}
      </div>
      <div className="fw mut el">
        {was !== undefined && (
          <>
            was <UntrustedText max={40}>{was === "" ? "empty" : was}</UntrustedText>
          </>
        )}
      </div>
    </div>
  );
}

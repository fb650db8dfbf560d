/** Where each parameter of a webhook's runs comes from: its default, a place in the payload, the whole payload. */
import { useId } from "react";
import type { ParamDetail } from "../../api/types";
import { FieldError } from "../../lib/refusal";
import { isPointer } from "../../lib/webhook";
import { Select } from "../../parts/controls";
import { FormGroup } from "../../parts/form";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import "./webhooks.css";

export type Source = { kind: "default" } | { kind: "pointer"; pointer: string } | { kind: "payload" };

/** The API's form: a pointer for each parameter that has one. Throws at the first that is none. */
export function sourcesOf(sources: Readonly<Record<string, Source>>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, source] of Object.entries(sources)) {
    if (source.kind === "payload") out[name] = "";
    if (source.kind !== "pointer") continue;
    const wrong = problemOf(source.pointer);
    if (wrong) throw new FieldError("params", `${name}: ${wrong}`);
    out[name] = source.pointer;
  }
  return out;
}

function problemOf(pointer: string): string | undefined {
  if (pointer === "") return "Enter a JSON Pointer, such as /repository/name.";
  return isPointer(pointer) ? undefined : "A JSON Pointer begins with a slash, such as /repository/name.";
}

const OPTIONS = [
  { id: "default", label: "its default" },
  { id: "pointer", label: "from the payload at" },
  { id: "payload", label: "the whole payload" },
] as const;

interface Props {
  params: readonly ParamDetail[];
  sources: Readonly<Record<string, Source>>;
  onChange: (sources: Readonly<Record<string, Source>>) => void;
  error: string | undefined;
}

export function Mapping({ params, sources, onChange, error }: Props) {
  return (
    <FormGroup label="Parameters" error={error} hint="What the payload lacks has the parameter's default.">
      <div className="col g8">
        {params.map((param) => (
          <Row
            key={param.name}
            param={param}
            source={sources[param.name] ?? { kind: "default" }}
            onChange={(source) => onChange({ ...sources, [param.name]: source })}
          />
        ))}
      </div>
    </FormGroup>
  );
}

interface RowProps {
  param: ParamDetail;
  source: Source;
  onChange: (source: Source) => void;
}

function Row({ param, source, onChange }: RowProps) {
  const id = useId();
  // An empty one is only wrong when the form is sent: it is about to be typed.
  const wrong = source.kind === "pointer" && source.pointer !== "" ? problemOf(source.pointer) : undefined;
  const missing = param.required && source.kind === "default";
  return (
    <div className="mapping">
      <span className="n">
        <UntrustedText>{param.name}</UntrustedText>
      </span>
      <Select
        label={`Where ${param.name} comes from`}
        value={source.kind}
        options={param.required ? [{ id: "default", label: "nowhere" }, OPTIONS[1], OPTIONS[2]] : OPTIONS}
        onChange={(kind) => onChange(kind === "pointer" ? { kind, pointer: "" } : { kind })}
      />
      {source.kind === "pointer" && (
        <div className={wrong ? "in bad" : "in"}>
          <input
            className="mono"
            value={source.pointer}
            placeholder={`/${param.name}`}
            aria-label={`JSON Pointer of ${param.name}`}
            aria-invalid={wrong !== undefined}
            {...(wrong ? { "aria-describedby": id } : {})}
            spellCheck={false}
            autoComplete="off"
            onChange={(e) => onChange({ kind: "pointer", pointer: e.target.value })}
          />
        </div>
      )}
      {wrong && (
        <div className="form-error st-failed t12 below" id={id}>
          <Mark state="failed" size={14} />
          {wrong}
        </div>
      )}
      {missing && <div className="mut t12 below">It has no default: without a value each request is refused.</div>}
    </div>
  );
}

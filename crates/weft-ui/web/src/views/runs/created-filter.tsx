/** Filters a list of runs by when they were created. */
import { useParam } from "../../app/search";
import { fromWall } from "../../lib/time";
import { Select } from "../../parts/controls";
import { SINCE } from "./created";

export function CreatedFilter({ zone }: { zone: string }) {
  const [since, setSince] = useParam("since");
  const [from, setFrom] = useParam("from");
  const [until, setUntil] = useParam("until");
  return (
    <>
      <Select label="Created" value={since} options={SINCE} onChange={(v) => setSince(v, true)} />
      {since === "range" && (
        <span className="row g8 wrapflex">
          <At label={`Created from, ${zone}`} text={from} empty="2026-11-01" zone={zone} onChange={setFrom} />
          <At label={`Created before, ${zone}`} text={until} empty="2026-11-08 06:00" zone={zone} onChange={setUntil} />
          <span className="mut t12">{zone}</span>
        </span>
      )}
    </>
  );
}

interface AtProps {
  label: string;
  text: string;
  empty: string;
  zone: string;
  onChange: (text: string) => void;
}

function At({ label, text, empty, zone, onChange }: AtProps) {
  const bad = text !== "" && fromWall(text, zone) === undefined;
  return (
    <span className={bad ? "in bad" : "in soft"} style={{ width: 144 }}>
      <input
        aria-label={label}
        title={bad ? "Write it as 2026-11-23 02:00" : label}
        aria-invalid={bad}
        value={text}
        placeholder={empty}
        onChange={(e) => onChange(e.target.value)}
      />
    </span>
  );
}

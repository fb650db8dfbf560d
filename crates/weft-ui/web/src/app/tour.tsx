/** The tour of four steps: a card that walks through the views of a DAG that one has just deployed. */
import { useNavigate } from "@tanstack/react-router";
import { store, useStore } from "../lib/store";
import { Kbd } from "../parts/text";
import { tourDone } from "./prefs";

interface Place {
  dag: string;
  run: string;
}

/** Where the tour is; undefined while there is none. */
const tour = store<(Place & { step: number }) | undefined>(undefined);

export const startTour = (place: Place): void => tour.set({ ...place, step: 0 });

const STEPS = [
  {
    tab: "overview",
    title: "The run",
    text: "Tasks on the left, when each ran in the middle, the graph on the right. Everything changes while you look.",
    keys: ["j", "k"],
  },
  {
    tab: "grid",
    title: "Its history",
    text: "A column for each run, a row for each task. What failed stands out; f goes to the next failure.",
    keys: ["f"],
  },
  {
    tab: "logs",
    title: "A task's log",
    text: "Search, levels, links to lines, and what the attempt used of its limits. Inputs and outputs are one tab on.",
    keys: ["l", "/"],
  },
  {
    tab: "dags",
    title: "Everything else",
    text: "Ctrl-K finds every DAG, view and act; ? lists the keys. Trigger the example with code 7 to see a failure.",
    keys: ["Ctrl-K", "?"],
  },
] as const;

const address = ({ dag, run }: Place, tab: (typeof STEPS)[number]["tab"]): string => {
  const of = `/dags/${encodeURIComponent(dag)}`;
  if (tab === "overview") return `${of}/runs/${run}/overview`;
  if (tab === "grid") return `${of}/grid`;
  if (tab === "logs") return `${of}/runs/${run}/tasks/list_stores/logs`;
  return "/dags";
};

export function Tour() {
  const at = useStore(tour);
  const navigate = useNavigate();
  if (!at) return null;
  const step = STEPS[at.step];
  if (!step) return null;
  const last = at.step === STEPS.length - 1;
  const end = () => {
    tour.set(undefined);
    tourDone.set(true);
  };
  const go = (to: number) => {
    const next = STEPS[to];
    if (!next) return end();
    tour.set({ ...at, step: to });
    void navigate({ to: address(at, next.tab) } as never);
  };
  return (
    <aside className="tour" aria-label="Tour">
      <div className="row g8">
        <h2 className="t14 sb sp">{step.title}</h2>
        <span className="mut t12">
          {at.step + 1} of {STEPS.length}
        </span>
      </div>
      <p aria-live="polite">{step.text}</p>
      <div className="row g8">
        {step.keys.map((key) => (
          <Kbd key={key}>{key}</Kbd>
        ))}
        <span className="sp" />
        <button type="button" className="btn ghost sm" onClick={end}>
          {last ? "Close" : "Skip"}
        </button>
        {at.step > 0 && (
          <button type="button" className="btn sm" onClick={() => go(at.step - 1)}>
            Back
          </button>
        )}
        {!last && (
          <button type="button" className="btn pri sm" onClick={() => go(at.step + 1)}>
            Next
          </button>
        )}
      </div>
    </aside>
  );
}

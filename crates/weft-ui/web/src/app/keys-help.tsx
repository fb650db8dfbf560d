/** All keys. */
import { useStore } from "../lib/store";
import { Toggle } from "../parts/controls";
import { DialogFrame } from "../parts/dialog";
import { Kbd } from "../parts/text";
import { singleKeys } from "./prefs";

const KEYS: [string, string][] = [
  ["Ctrl K", "Search and commands"],
  ["/", "Filter of this page, else search"],
  ["j k", "Next and previous row"],
  ["← ↑ → ↓", "Cells of the grid"],
  ["Enter", "Open what is selected"],
  ["f F", "Next and previous failure"],
  ["[ ]", "Earlier and later run"],
  ["r", "Clear: shows first what would run again"],
  ["l", "Logs"],
  ["t", "Trigger"],
  ["z", "Time zone: yours, the DAG's, UTC"],
  ["g h", "Home"],
  ["g d", "DAGs"],
  ["g r", "Runs"],
  ["g f", "Fleet"],
  ["g a", "Admin"],
  ["?", "This list"],
];

export function KeysHelp({ onClose }: { onClose: () => void }) {
  const on = useStore(singleKeys);
  return (
    <DialogFrame title="Keys" onClose={onClose} width={440}>
      <div className="col g4">
        {KEYS.map(([key, text]) => (
          <div className="row g8" key={key}>
            <span className="sp">{text}</span>
            <Kbd>{key}</Kbd>
          </div>
        ))}
        <div className="row g8 keys-switch">
          <span className="sp">Single keys work (Ctrl K always does)</span>
          <Toggle label="Single keys" on={on} onChange={singleKeys.set} />
        </div>
      </div>
    </DialogFrame>
  );
}

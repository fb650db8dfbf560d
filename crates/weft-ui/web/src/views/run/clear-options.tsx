/** What of the tasks is cleared: the options of a clear, of one run or of many. */
import { type ClearChoice, wrongIndexes } from "../../lib/clear";
import { FormField } from "../../parts/form";

interface Props {
  choice: ClearChoice;
  onChange: (choice: ClearChoice) => void;
  /** Whether single map indexes can be chosen. */
  mapped: boolean;
  /** Whether the DAG's runs of other dates are offered as well. */
  dates: boolean;
}

export function ClearOptions({ choice, onChange, mapped, dates }: Props) {
  const wrong = wrongIndexes(choice.indexes);
  const single = mapped && choice.indexes.trim() !== "";
  const check = (name: "upstream" | "downstream" | "onlyFailed" | "past" | "future", label: string, off = false) => (
    <label className="check">
      <input
        type="checkbox"
        checked={choice[name] && !off}
        disabled={off}
        onChange={(e) => onChange({ ...choice, [name]: e.target.checked })}
      />
      <span className={off ? "mut" : undefined}>{label}</span>
    </label>
  );
  const named = choice.tasks.length > 0;
  return (
    <div className="col g12">
      {mapped && (
        <FormField
          label="Map indexes"
          error={wrong}
          hint={single ? "With single indexes nothing upstream is cleared, since the list might change." : undefined}
        >
          {(aria) => (
            <div className={wrong ? "in bad" : "in"}>
              <input
                {...aria}
                value={choice.indexes}
                placeholder="all, or such as 3,7-9"
                spellCheck={false}
                autoComplete="off"
                onChange={(e) => onChange({ ...choice, indexes: e.target.value })}
              />
            </div>
          )}
        </FormField>
      )}
      <fieldset className="options" aria-label="What else">
        {named && check("downstream", "Everything downstream too")}
        {named && check("upstream", "Everything upstream too", single)}
        {dates && check("past", "Earlier dates too")}
        {dates && check("future", "Later dates too")}
        {named && check("onlyFailed", "Only what failed")}
      </fieldset>
    </div>
  );
}

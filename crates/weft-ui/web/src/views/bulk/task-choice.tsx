/** The tasks that an action on many runs is about: chosen from the DAG's, or written where runs of several DAGs are meant. */
import { useQuery } from "@tanstack/react-query";
import { dag as dagQuery } from "../../api/queries";
import { FormField, FormGroup } from "../../parts/form";
import { UntrustedText } from "../../parts/text";

interface Props {
  /** The one DAG of the runs. */
  dag: string | undefined;
  tasks: readonly string[];
  /** One task alone. */
  single?: boolean;
  onChange: (tasks: readonly string[]) => void;
}

export function TaskChoice({ dag, tasks, single = false, onChange }: Props) {
  const detail = useQuery({ ...dagQuery(dag ?? ""), enabled: Boolean(dag) });
  const known = detail.data?.tasks.map((t) => t.id) ?? [];
  if (known.length === 0) {
    return (
      <FormField
        label={single ? "Task" : "Tasks"}
        hint={
          single
            ? "Runs without such a task are left as they are."
            : "Names, separated by commas. Runs without such tasks are left as they are."
        }
      >
        {(aria) => (
          <div className="in">
            <input
              {...aria}
              defaultValue={tasks.join(", ")}
              spellCheck={false}
              autoComplete="off"
              onChange={(e) => {
                const names = single ? [e.target.value] : e.target.value.split(",");
                onChange(names.map((name) => name.trim()).filter(Boolean));
              }}
            />
          </div>
        )}
      </FormField>
    );
  }
  return (
    <FormGroup label={single ? "Task" : "Tasks"}>
      <div className="picked task-choice">
        {known.map((task) => (
          <label key={task} className="check">
            <input
              type={single ? "radio" : "checkbox"}
              name="task"
              checked={tasks.includes(task)}
              onChange={(e) =>
                onChange(
                  single ? [task] : known.filter((name) => (name === task ? e.target.checked : tasks.includes(name))),
                )
              }
            />
            <span className="el">
              <UntrustedText>{task}</UntrustedText>
            </span>
          </label>
        ))}
      </div>
    </FormGroup>
  );
}

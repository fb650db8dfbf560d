/** What ends a wait: the event itself, or waking the instance without it. */
import { useState } from "react";
import { sendEvent, useReread, wake } from "../../api/acts";
import type { Instance, Run } from "../../api/types";
import { shell } from "../../lib/text";
import { payloadOf } from "../../lib/wait";
import { Confirm } from "../../parts/dialog";
import { TextField } from "../../parts/form";
import { CommandLine, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";

interface Props {
  run: Pick<Run, "id">;
  instance: Pick<Instance, "task" | "index">;
  onClose: () => void;
}

/** The wait's end changes the instance: the event stream tells of it, this is for what it does not name. */
function useRereadInstance({ run, instance }: Pick<Props, "run" | "instance">) {
  const reread = useReread();
  const { task, index } = instance;
  return () => reread(["instance", run.id, task, index], ["instances", run.id, task], ["why", run.id, task, index]);
}

const nameOf = ({ task, index }: { task: string; index: number }) => (index > 0 ? `${task} [${index}]` : task);

function problemOf(text: string): string | undefined {
  try {
    payloadOf(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function SendEventDialog({ run, instance, name, onClose }: Props & { name: string }) {
  const [text, setText] = useState("");
  // The same for each try of this dialog, so that an answer that was lost sends no second event.
  const [key] = useState(() =>
    Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join(""),
  );
  const reread = useRereadInstance({ run, instance });
  const problem = problemOf(text);
  const payload = text.trim();
  return (
    <Confirm
      title={
        <>
          Send the event <UntrustedText>{name}</UntrustedText>
        </>
      }
      action="Send the event"
      disabled={problem !== undefined}
      act={async () => {
        const sent = await sendEvent(run.id, name, payloadOf(text), key);
        announce(
          sent.taken_by
            ? `The event ${name} was sent: it wakes ${nameOf(sent.taken_by)}`
            : `The event ${name} was sent: it is kept for the next task that waits for it`,
        );
        await reread();
      }}
      onClose={onClose}
    >
      <p className="mut dlg-p">
        An event wakes one task instance of this run. If several wait for this name, the first of them is woken.
      </p>
      <div className="col g12">
        <TextField
          label="Payload, in JSON"
          rows={6}
          value={text}
          onChange={setText}
          placeholder='{"by": "ada"}'
          error={problem}
          hint="The task gets it as it is; without one it gets null."
        />
        <CommandLine
          text={`wfctl runs send ${run.id} ${shell(name)}${payload && !problem ? ` ${shell(payload)}` : ""}`}
        />
      </div>
    </Confirm>
  );
}

export function WakeDialog({ run, instance, onClose }: Props) {
  const { task, index } = instance;
  const reread = useRereadInstance({ run, instance });
  return (
    <Confirm
      title={
        <>
          Wake <UntrustedText>{task}</UntrustedText>
          {index > 0 && ` [${index}]`}
        </>
      }
      action="Wake it"
      act={async () => {
        await wake(run.id, task, index);
        announce(`${nameOf(instance)} is woken`);
        await reread();
      }}
      onClose={onClose}
    >
      <p className="mut dlg-p">
        It goes on now, and learns that somebody woke it: what it waits for has not come. Some tasks defer again then.
      </p>
      <CommandLine text={`wfctl runs wake ${run.id} ${shell(task)}${index > 0 ? ` --index ${index}` : ""}`} />
    </Confirm>
  );
}

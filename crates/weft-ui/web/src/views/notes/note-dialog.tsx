/** Writes or removes the note of a run or a task instance. */
import { useState } from "react";
import { useReread } from "../../api/acts";
import { type Noted, writeNote } from "../../api/notes";
import type { Note } from "../../api/types";
import { count, shell } from "../../lib/text";
import { FormDialog, TextField } from "../../parts/form";
import { CommandLine } from "../../parts/text";
import { announce } from "../../parts/toast";

const MAX_BYTES = 4096;

const sizeOf = (text: string): number => new TextEncoder().encode(text).length;

interface Props {
  of: Noted;
  note: Note | null | undefined;
  onClose: () => void;
}

export function NoteDialog({ of, note, onClose }: Props) {
  const [text, setText] = useState(note?.text ?? "");
  const reread = useReread();
  const size = sizeOf(text);
  const removes = text.trim() === "";
  const error = size > MAX_BYTES ? `It has ${count(size)} bytes, and at most ${count(MAX_BYTES)} are kept.` : undefined;
  const write = async (what: string) => {
    if (sizeOf(what) > MAX_BYTES) throw new Error(`At most ${count(MAX_BYTES)} bytes are kept.`);
    await writeNote(of, what);
    announce(what === "" ? "The note is removed" : "The note is written");
    await reread(["run", of.run], ["runs"], ["instance", of.run], ["instances", of.run]);
    onClose();
  };
  const about = of.task === undefined ? `wfctl runs note ${of.run}` : `wfctl tasks note ${of.run} ${shell(of.task)}`;
  const index = of.index ? ` --index ${of.index}` : "";
  return (
    <FormDialog
      title={of.task === undefined ? "Note of the run" : `Note of ${of.task}${of.index ? ` [${of.index}]` : ""}`}
      action={removes && note ? "Remove" : "Write"}
      act={() => write(removes ? "" : text)}
      onClose={onClose}
      fields={["text"]}
    >
      {(refused) => (
        <>
          <TextField
            label="Note"
            value={text}
            onChange={setText}
            rows={6}
            error={error ?? refused("text")}
            hint={`Plain text, ${count(size)} of ${count(MAX_BYTES)} bytes. It replaces the note before; an empty one removes it.`}
          />
          {note && !removes && (
            <div>
              <button type="button" className="btn sm" onClick={() => setText("")}>
                Empty it
              </button>
            </div>
          )}
          <CommandLine text={removes ? `${about}${index} --remove` : `${about} ${shell(text)}${index}`} />
        </>
      )}
    </FormDialog>
  );
}

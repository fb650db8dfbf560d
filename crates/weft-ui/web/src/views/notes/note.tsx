/** The note of a run or a task instance: its text with author and time, and the button that writes it. */
import { useState } from "react";
import type { Noted } from "../../api/notes";
import type { Note } from "../../api/types";
import { useMay } from "../../app/me";
import { visibleLines } from "../../lib/text";
import { Icon } from "../../parts/icons";
import { late } from "../../parts/late";
import { Time, UntrustedText } from "../../parts/text";
import "./note.css";

const NoteDialog = late(() => import("./note-dialog").then((m) => m.NoteDialog));

interface Props {
  of: Noted;
  note: Note | null | undefined;
}

/** Writes a note, or changes the one that is there; nothing for those who may not. */
export function NoteButton({ of, note, small }: Props & { small?: boolean }) {
  const [open, setOpen] = useState(false);
  if (!useMay("operate")) return null;
  return (
    <>
      <button type="button" className={small ? "btn sm" : "btn"} onClick={() => setOpen(true)}>
        {note ? "Edit note…" : "Note…"}
      </button>
      {open && <NoteDialog of={of} note={note} onClose={() => setOpen(false)} />}
    </>
  );
}

/** The text as it was written: no markup, nothing invisible. */
export function NoteText({ note }: { note: Note }) {
  return (
    <div className="note-text">
      <bdi className="wrapany">{visibleLines(note.text)}</bdi>
      <div className="mut t12">
        <UntrustedText max={80}>{note.by}</UntrustedText>, <Time at={note.at} />
      </div>
    </div>
  );
}

/** Below the tabs of a page. */
export function NoteBar({ of, note }: Props) {
  if (!note) return null;
  return (
    <section className="note-line" aria-label="Note">
      <Icon name="note" size={14} />
      <NoteText note={note} />
      <NoteButton of={of} note={note} small />
    </section>
  );
}

/** In lists: that there is a note, its beginning as the title. */
export function NoteSign({ note }: { note: Note | null | undefined }) {
  if (!note) return null;
  return (
    <span className="mut" title={visibleLines(note.text).slice(0, 200)}>
      <Icon name="note" size={14} />
      <span className="vh">has a note</span>
    </span>
  );
}

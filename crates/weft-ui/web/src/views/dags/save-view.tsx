/** Keeps this address under a name in the sidebar, or removes it from there. */
import { useLocation } from "@tanstack/react-router";
import { useState } from "react";
import { views } from "../../app/prefs";
import { useStore } from "../../lib/store";
import { Confirm } from "../../parts/dialog";
import { Icon } from "../../parts/icons";

export function SaveView() {
  const saved = useStore(views);
  const here = useLocation({ select: (l) => `${l.pathname}${l.searchStr}` });
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const known = saved.find((view) => view.to === here);
  if (known) {
    return (
      <button type="button" className="btn" onClick={() => views.set(saved.filter((view) => view !== known))}>
        <Icon name="view" size={14} />
        Forget view
      </button>
    );
  }
  if (!here.includes("?")) return null;
  return (
    <>
      <button type="button" className="btn" onClick={() => setOpen(true)}>
        <Icon name="view" size={14} />
        Save view
      </button>
      {open && (
        <Confirm
          title="Save this view"
          action="Save"
          disabled={name.trim() === ""}
          act={async () => views.set([...saved.filter((v) => v.name !== name.trim()), { name: name.trim(), to: here }])}
          onClose={() => setOpen(false)}
          width={400}
        >
          <label className="col g4">
            Name
            <div className="in">
              <input value={name} onChange={(e) => setName(e.target.value)} maxLength={60} />
            </div>
          </label>
        </Confirm>
      )}
    </>
  );
}

/** A button that removes something after asking. */
import { useState } from "react";
import { remove, useReread } from "../../api/acts";
import { Confirm } from "../../parts/dialog";
import { announce } from "../../parts/toast";

interface Props {
  what: string;
  path: string;
  reread: string;
  consequence: string;
  verb?: string;
}

export function Remove({ what, path, reread: key, consequence, verb = "Remove" }: Props) {
  const [open, setOpen] = useState(false);
  const reread = useReread();
  return (
    <>
      <button type="button" className="btn ghost sm" onClick={() => setOpen(true)} aria-label={`${verb} ${what}`}>
        {verb}…
      </button>
      {open && (
        <Confirm
          title={`${verb} ${what}`}
          action={verb}
          onClose={() => setOpen(false)}
          act={async () => {
            await remove(path);
            announce(`${what}: done`);
            await reread([key]);
          }}
          width={440}
        >
          <p>{consequence}</p>
        </Confirm>
      )}
    </>
  );
}

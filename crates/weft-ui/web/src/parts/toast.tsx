/** What was just done, said once: to eyes for some seconds, to screen readers politely. */
import { store, useStore } from "../lib/store";

const SHOWN_MS = 6000;
const message = store<{ text: string; id: number } | undefined>(undefined);
let ids = 0;

export function announce(text: string): void {
  ids += 1;
  const id = ids;
  message.set({ text, id });
  setTimeout(() => {
    if (message.get()?.id === id) message.set(undefined);
  }, SHOWN_MS);
}

export function Toasts() {
  const shown = useStore(message);
  return (
    <div className="toast" role="status" aria-live="polite">
      {shown ? <span>{shown.text}</span> : null}
    </div>
  );
}

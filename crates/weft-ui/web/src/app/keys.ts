/** Keys: pages register what theirs do, the newest first; none works inside fields, single ones can be switched off. */
import { useEffect, useRef } from "react";
import { singleKeys } from "./prefs";

export type Keys = Record<string, (() => void) | undefined>;

/** How long `g` waits for its second key. */
const SEQUENCE_MS = 1200;
const stack: { current: Keys }[] = [];
let prefix = "";
let prefixAt = 0;

function inField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function act(name: string): boolean {
  for (let i = stack.length - 1; i >= 0; i -= 1) {
    const handler = stack[i]?.current[name];
    if (handler) {
      handler();
      return true;
    }
  }
  return false;
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const control = event.ctrlKey || event.metaKey;
  if (control && !event.altKey && event.key.toLowerCase() === "k") {
    if (act("Ctrl-K")) event.preventDefault();
    return;
  }
  if (control && event.key === "Enter") {
    if (act("Ctrl-Enter")) event.preventDefault();
    return;
  }
  if (control || event.altKey || inField(event.target) || !singleKeys.get()) return;
  // Dialogs have the keyboard for themselves.
  if (document.querySelector('[role="dialog"], [role="alertdialog"]')) return;
  const sequence = prefix && Date.now() - prefixAt < SEQUENCE_MS ? `${prefix} ${event.key}` : "";
  prefix = "";
  if (sequence && act(sequence)) {
    event.preventDefault();
    return;
  }
  if (event.key === "g") {
    prefix = "g";
    prefixAt = Date.now();
    return;
  }
  if (act(event.key)) event.preventDefault();
}

if (typeof window !== "undefined") window.addEventListener("keydown", onKey);

/** Keys that work while the component is mounted. */
export function useKeys(keys: Keys): void {
  const entry = useRef(keys);
  entry.current = keys;
  useEffect(() => {
    stack.push(entry);
    return () => {
      stack.splice(stack.indexOf(entry), 1);
    };
  }, []);
}

/** A value kept in the browser that components can follow: theme, zone, folded sidebar. */
import { useSyncExternalStore } from "react";

export interface Store<T> {
  get: () => T;
  set: (value: T) => void;
  subscribe: (listener: () => void) => () => void;
}

/** A store without memory. */
export function store<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A store remembered by the browser under `weft.NAME`; storage that is refused or damaged counts as empty. */
export function remembered<T>(name: string, initial: T): Store<T> {
  const key = `weft.${name}`;
  const read = (): T => {
    try {
      const text = localStorage.getItem(key);
      return text === null ? initial : (JSON.parse(text) as T);
    } catch {
      return initial;
    }
  };
  const made = store(read());
  window.addEventListener("storage", (event) => {
    if (event.key === key) made.set(read());
  });
  return {
    ...made,
    set: (value) => {
      try {
        localStorage.setItem(key, JSON.stringify(value));
      } catch {
        // Only this tab remembers it then.
      }
      made.set(value);
    },
  };
}

export function useStore<T>(from: Store<T>): T {
  return useSyncExternalStore(from.subscribe, from.get);
}

/** Keys of writes: the same key again does nothing twice. */

/** 16 random characters. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");

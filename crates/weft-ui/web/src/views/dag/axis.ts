/** Round ends of time axes. */
const STEPS = [
  1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 12e5, 18e5, 36e5, 72e5, 144e5, 216e5, 432e5, 864e5, 1728e5,
];

/** A round span at or above, in ms. */
export function roundSpan(ms: number): number {
  return STEPS.find((step) => step >= ms) ?? Math.ceil(ms / 864e5) * 864e5;
}

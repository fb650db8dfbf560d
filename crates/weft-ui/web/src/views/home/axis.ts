/** A round number at or above, for the end of an axis. */
export function roundUp(n: number): number {
  if (n <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 4, 5, 10].map((k) => k * power).find((v) => v >= n) ?? 10 * power;
}

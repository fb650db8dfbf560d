/** Slots of a worker: one cell per slot in at most two rows, a bar for very many. */
const PER_ROW = 16;
const MAX_CELLS = 32;

export function Slots({ used, all }: { used: number; all: number }) {
  const words = `${used} of ${all} slots used`;
  if (all > MAX_CELLS) {
    return (
      <svg width="96" height="12" role="img" aria-label={words}>
        <rect y="2" width="96" height="8" rx="2" fill="var(--s3)" />
        <rect y="2" width={Math.min(96, (used / all) * 96)} height="8" rx="2" fill="var(--running)" />
      </svg>
    );
  }
  const rows = Math.ceil(all / PER_ROW);
  const h = rows > 1 ? 5 : 8;
  return (
    <svg width="96" height={rows > 1 ? 12 : 8} role="img" aria-label={words}>
      {Array.from({ length: all }, (_, i) => {
        const x = (i % PER_ROW) * 6;
        const y = Math.floor(i / PER_ROW) * 7;
        return i < used ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: a slot's place is its identity
          <rect key={i} x={x} y={y} width="5" height={h} fill="var(--running)" />
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: a slot's place is its identity
          <rect key={i} x={x + 0.5} y={y + 0.5} width="4" height={h - 1} fill="none" stroke="var(--border)" />
        );
      })}
    </svg>
  );
}

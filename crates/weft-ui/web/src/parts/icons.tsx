/** Icons: 16 by 16, lines of 1.5. */

const PATHS = {
  home: "M2.5 7 8 2.5 13.5 7V13.5H9.5V9.5H6.5V13.5H2.5Z",
  dags: "M2 2.5H6V6.5H2ZM10 2.5H14V6.5H10ZM10 9.5H14V13.5H10ZM6 4.5H10M8 4.5V11.5H10",
  runs: "M2.5 3.5H3.6M6 3.5H13.5M2.5 8H3.6M6 8H13.5M2.5 12.5H3.6M6 12.5H13.5",
  assets: "M2.5 4C2.5 2 13.5 2 13.5 4V12C13.5 14 2.5 14 2.5 12ZM2.5 4C2.5 6 13.5 6 13.5 4M2.5 8C2.5 10 13.5 10 13.5 8",
  approvals: "M2.5 3H13.5V11H8L5 13.8V11H2.5ZM5.6 7 7.3 8.7 10.6 5.4",
  backfills: "M2.5 3.5H13.5V13.5H2.5ZM2.5 6.5H13.5M5.5 2V4.5M10.5 2V4.5M8 8.5 6 10.2 8 12M6 10.2H10.5",
  fleet: "M2.5 2.5H13.5V6.5H2.5ZM2.5 9.5H13.5V13.5H2.5ZM5 4.5H5.1M5 11.5H5.1M8 4.5H11M8 11.5H11",
  admin:
    "M2 4.5H8M12 4.5H14M2 11.5H4M8 11.5H14M10 2.5A2 2 0 0 1 10 6.5 2 2 0 0 1 10 2.5ZM6 9.5A2 2 0 0 1 6 13.5 2 2 0 0 1 6 9.5Z",
  search: "M7 2.5A4.5 4.5 0 0 1 7 11.5 4.5 4.5 0 0 1 7 2.5ZM10.3 10.3 13.8 13.8",
  clock: "M8 2A6 6 0 0 1 8 14 6 6 0 0 1 8 2ZM8 4.8V8.2H10.8",
  down: "M4 6 8 10 12 6",
  right: "M6 4 10 8 6 12",
  up: "M4 10 8 6 12 10",
  left: "M10 4 6 8 10 12",
  view: "M2.5 4H13.5M4.5 8H11.5M6.5 12H9.5",
  copy: "M5.5 5.5H13.5V13.5H5.5ZM3.5 10.5H2.5V2.5H10.5V3.5",
  link: "M6.5 9.5 9.5 6.5M7 4.8 8.6 3.2A2.8 2.8 0 0 1 12.8 7.2L11.2 8.8M9 11.2 7.4 12.8A2.8 2.8 0 0 1 3.2 8.8L4.8 7.2",
  x: "M4 4 12 12M12 4 4 12",
  more: "M3 8H3.1M8 8H8.1M13 8H13.1",
  pause: "M5.5 3.5V12.5M10.5 3.5V12.5",
  play: "M5 3.2 12.5 8 5 12.8Z",
  dl: "M8 2.5V10M4.8 7 8 10.2 11.2 7M2.5 13.5H13.5",
  plus: "M8 3V13M3 8H13",
  minus: "M3 8H13",
  fit: "M2.5 6V2.5H6M10 2.5H13.5V6M13.5 10V13.5H10M6 13.5H2.5V10",
  code: "M5.5 4.5 2 8 5.5 11.5M10.5 4.5 14 8 10.5 11.5",
  diff: "M5 2.5V8.5M2 5.5H8M2.5 12.5H7.5M11 3.5 14 6.5M14 3.5",
  wrap: "M2.5 4H13.5M2.5 8H11.5A2 2 0 0 1 11.5 12H8.5M10 10 8 12 10 14M2.5 12H5.5",
  retry: "M13 6A5.3 5.3 0 1 0 13.3 9M13.5 2.5V6.2H9.8",
  check: "M3 8.5 6.5 12 13 4.5",
  pin: "M6 2.5H10L9.5 7 11.5 9.5H4.500L6.500 7ZM8 9.5V13.5",
  out: "M9 2.5H13.5V7M13.5 2.5 7.5 8.5M6.5 3.5H2.5V13.5H12.5V9.5",
  sun: "M8 5.2A2.8 2.8 0 0 1 8 10.800 2.8 2.8 0 0 1 8 5.200ZM8 1.8V2.8M8 13.200V14.200M1.800 8H2.800M13.200 8H14.200M3.600 3.600 4.300 4.300M11.700 11.700 12.400 12.400M3.600 12.400 4.300 11.700M11.700 4.300 12.400 3.600",
  table: "M2.5 3H13.5V13H2.5ZM2.5 6.5H13.5M2.5 9.700H13.5M6.500 3V13",
  note: "M3 2.5H13V10L9.5 13.5H3ZM13 10H9.5V13.5M5.5 5.5H10.5M5.5 8H8",
  fold: "M2.5 3H13.5V13H2.5ZM6 3V13",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="ic"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "more" ? 2 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      aria-hidden="true"
    >
      <path d="M1 4H6.4M9.6 4H15M1 8H2.6M5.4 8H10.6M13.4 8H15M1 12H6.4M9.6 12H15" />
      <path d="M4 5.8V1M4 15V10.2M8 9.8V15M8 6.2V1M12 5.8V1M12 15V10.2" />
    </svg>
  );
}

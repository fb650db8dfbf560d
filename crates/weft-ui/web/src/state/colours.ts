/** The tokens' colours for canvases, resolved by the browser: theme and forced colours alike. */
import { store, useStore } from "../lib/store";

export type Colours = Readonly<Record<string, string>>;

const NAMES = [
  ..."s1 s2 s3 text muted border line glyph".split(" "),
  ..."success failed running up_for_retry deferred queued upstream_failed skipped cancelled".split(" "),
];

function resolve(): Colours {
  const probe = document.createElement("span");
  probe.className = "vh";
  document.body.append(probe);
  const out: Record<string, string> = {};
  for (const name of NAMES) {
    // Custom properties stay unresolved in computed styles; the colour of an element does not.
    probe.style.color = `var(--${name})`;
    out[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return out;
}

const colours = store<Colours>({});
let watching = false;

function watch(): void {
  if (watching) return;
  watching = true;
  const again = () => colours.set(resolve());
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"]) {
    window.matchMedia(query).addEventListener("change", again);
  }
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  again();
}

/** Renders again when the theme changes. */
export function useColours(): Colours {
  watch();
  return useStore(colours);
}

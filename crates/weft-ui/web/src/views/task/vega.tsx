/** A Vega-Lite chart in a frame without origin and network; its script comes when a chart is shown. */
import { useEffect, useRef, useState } from "react";
import type { Drawn, NotDrawn, ToDraw } from "../../frames/vega-frame";
import script from "../../frames/vega-frame?worker&url";
import type { VegaSpec } from "../../lib/vega";
import { UntrustedText } from "../../parts/text";
import { useWidth } from "../../parts/width";
import { useColours } from "../../state/colours";

/** Of what a chart says of its height, as much is shown. */
const MAX_HEIGHT = 4000;

/**
 * The frame's page. Its policy stands beside the page's own, which it inherits: one script, and nothing else from anywhere. Only our own
 * address is in it, never anything of a guest.
 */
function page(): string {
  const address = new URL(script, document.baseURI).href.replace(/["';,\s]/g, encodeURIComponent);
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${address}"><title>Chart</title><div id="chart"></div><script src="${address}"></script>`;
}

export function VegaChart({ spec, label }: { spec: VegaSpec; label: string }) {
  const [place, width] = useWidth<HTMLDivElement>();
  const frame = useRef<HTMLIFrameElement>(null);
  const [ready, setReady] = useState(false);
  const [state, setState] = useState<Drawn | NotDrawn>();
  const colours = useColours();
  useEffect(() => {
    const heard = (event: MessageEvent<Drawn | NotDrawn | { kind: "ready" }>) => {
      if (event.source !== frame.current?.contentWindow) return;
      if (event.data?.kind === "ready") setReady(true);
      else if (event.data?.kind === "drawn" || event.data?.kind === "error") setState(event.data);
    };
    window.addEventListener("message", heard);
    return () => window.removeEventListener("message", heard);
  }, []);
  useEffect(() => {
    if (!ready || width === 0) return;
    const draw: ToDraw = { kind: "draw", spec, width, text: colours.text ?? "", line: colours.line ?? "" };
    // The frame has no origin that could be named; it is ours, and is told nothing but the chart.
    frame.current?.contentWindow?.postMessage(draw, "*");
  }, [ready, width, spec, colours]);
  const height = state?.kind === "drawn" ? Number(state.height) || 0 : 0;
  return (
    <div className="pad16 col g8" ref={place}>
      {state?.kind === "error" && (
        <div className="err" role="alert">
          This chart can't be drawn: <UntrustedText max={300}>{String(state.message)}</UntrustedText>
        </div>
      )}
      {state?.kind === "drawn" && state.refused && (
        <div className="mut">It names data to load: charts are drawn from what is in them, nothing is loaded.</div>
      )}
      <iframe
        ref={frame}
        className="vega"
        title={`Chart of ${label}`}
        sandbox="allow-scripts"
        referrerPolicy="no-referrer"
        srcDoc={page()}
        style={{ height: Math.min(MAX_HEIGHT, height + 24), visibility: height ? "visible" : "hidden" }}
      />
    </div>
  );
}

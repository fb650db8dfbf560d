/**
 * Draws a Vega-Lite chart in a frame of its own, which has no origin, no network and no other script. What a guest says of a chart is data:
 * its expressions are interpreted, never compiled, and whatever it names to be loaded is not.
 */
import { parse, View } from "vega";
import { expressionInterpreter } from "vega-interpreter";
import { compile, type TopLevelSpec } from "vega-lite";

export interface Drawn {
  kind: "drawn";
  height: number;
  /** Something was named to be loaded. */
  refused: boolean;
}

export interface NotDrawn {
  kind: "error";
  message: string;
}

export interface ToDraw {
  kind: "draw";
  spec: Record<string, unknown>;
  width: number;
  text: string;
  line: string;
}

let view: View | undefined;

async function draw({ spec, width, text, line }: ToDraw): Promise<Drawn> {
  view?.finalize();
  let refused = false;
  const refuse = (): Promise<never> => {
    refused = true;
    return Promise.reject(new Error("nothing is loaded"));
  };
  const axis = { labelColor: text, titleColor: text, domainColor: line, tickColor: line, gridColor: line };
  // A chart of one view takes the width that there is; the others say their own.
  const fits = "mark" in spec && spec.width === undefined;
  const { spec: compiled } = compile(
    { ...spec, ...(fits ? { width: width - 24, autosize: { type: "fit", contains: "padding" } } : {}) } as TopLevelSpec,
    {
      config: { background: "transparent", axis, legend: axis, title: { color: text }, view: { stroke: line } },
      logger: undefined as never,
    },
  );
  const place = document.getElementById("chart");
  if (!place) throw new Error("the frame is empty");
  view = new View(parse(compiled, undefined, { ast: true }), {
    renderer: "canvas",
    container: place,
    hover: true,
    expr: expressionInterpreter,
    loader: { load: refuse, sanitize: refuse, http: refuse, file: refuse } as never,
    logLevel: 0,
  } as ConstructorParameters<typeof View>[1]);
  await view.runAsync();
  return { kind: "drawn", height: Math.ceil(place.getBoundingClientRect().height), refused };
}

addEventListener("message", (event: MessageEvent<ToDraw>) => {
  // Only the page around may say what is drawn.
  if (event.source !== parent || event.data?.kind !== "draw") return;
  const answer = (what: Drawn | NotDrawn) => parent.postMessage(what, "*");
  draw(event.data).then(answer, (error: unknown) =>
    answer({ kind: "error", message: error instanceof Error ? error.message : String(error) }),
  );
});
parent.postMessage({ kind: "ready" }, "*");

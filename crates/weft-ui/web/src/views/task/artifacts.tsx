/** Artifacts that an output names: images as images, texts as texts, each as a download. */
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { raw, seg } from "../../api/client";
import { api } from "../../lib/base";
import { type Media, mediaOf } from "../../lib/media";
import { bytes, plural, visibleLines } from "../../lib/text";
import { vegaOfText } from "../../lib/vega";
import { Segments } from "../../parts/controls";
import { Failure, Skeleton } from "../../parts/states";
import { UntrustedText } from "../../parts/text";

const VegaChart = lazy(() => import("./vega").then((m) => ({ default: m.VegaChart })));
const Markdown = lazy(() => import("../../parts/markdown").then((m) => ({ default: m.Markdown })));

export interface Artifact {
  digest: string;
  /** Where in the output it is named. */
  name: string;
}

const MAX_ARTIFACTS = 200;
const MAX_DEPTH = 12;
/** Larger ones are downloads only. */
const MAX_SHOWN = 8 * 1024 * 1024;
const MAX_TEXT = 100_000;

/** Every `{"$artifact": "sha256:…"}` of a value. */
export function artifactsOf(value: unknown): Artifact[] {
  const out = new Map<string, Artifact>();
  const walk = (v: unknown, name: string, depth: number): void => {
    if (v === null || typeof v !== "object" || depth > MAX_DEPTH || out.size >= MAX_ARTIFACTS) return;
    const digest = (v as { $artifact?: unknown }).$artifact;
    if (typeof digest === "string") {
      out.set(digest, { digest, name: name || "artifact" });
      return;
    }
    for (const [key, item] of Object.entries(v)) walk(item, name ? `${name}.${key}` : key, depth + 1);
  };
  walk(value, "", 0);
  return [...out.values()];
}

interface Props {
  list: readonly Artifact[];
  run: string;
  task: string;
  index: number;
}

export function Artifacts({ list, run, task, index }: Props) {
  return (
    <div className="pad16 col g8 artifacts">
      <h3>{plural(list.length, "artifact")}</h3>
      {list.map((a) => (
        <OneArtifact
          key={a.digest}
          artifact={a}
          path={`runs/${seg(run)}/tasks/${seg(task)}/${index}/artifacts/${seg(a.digest)}`}
        />
      ))}
    </div>
  );
}

interface Loaded {
  media: Media;
  size: number;
  url?: string;
  text?: string;
}

/** An image is shown from a blob of our own type in an `<img>`: an SVG there runs no script and loads nothing. */
async function load(path: string): Promise<Loaded> {
  const response = await raw(path);
  const size = Number(response.headers.get("content-length") ?? 0);
  if (size > MAX_SHOWN) {
    await response.body?.cancel();
    return { media: undefined, size };
  }
  const data = new Uint8Array(await response.arrayBuffer());
  const media = mediaOf(data);
  if (media === "text/plain")
    return { media, size: data.length, text: new TextDecoder().decode(data.subarray(0, MAX_TEXT)) };
  if (!media) return { media, size: data.length };
  return { media, size: data.length, url: URL.createObjectURL(new Blob([data], { type: media })) };
}

function OneArtifact({ artifact, path }: { artifact: Artifact; path: string }) {
  const { name, digest } = artifact;
  const [loaded, setLoaded] = useState<Loaded>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const url = loaded?.url;
    return url ? () => URL.revokeObjectURL(url) : undefined;
  }, [loaded]);
  return (
    <div className="col g4">
      <div className="row g8">
        <span className="m el">
          <UntrustedText>{name}</UntrustedText>
        </span>
        <code className="mut">{digest.slice(7, 19)}</code>
        {loaded && (
          <span className="mut nw">
            {bytes(loaded.size)}, {loaded.media ?? (loaded.size > MAX_SHOWN ? "too large to show" : "bytes")}
          </span>
        )}
        <span className="sp" />
        {!loaded && (
          <button type="button" className="btn sm" onClick={() => load(path).then(setLoaded, setError)}>
            Show
          </button>
        )}
        <a className="btn sm" href={api(path)} download={name.replace(/[^\w.-]+/g, "_")}>
          Download
        </a>
      </div>
      {error !== undefined && <Failure error={error} />}
      {loaded?.url && <img className="artifact" src={loaded.url} alt={`Artifact ${digest.slice(7, 19)}`} />}
      {loaded?.text !== undefined && <TextArtifact name={name} text={loaded.text} path={path} />}
    </div>
  );
}

type TextView = "text" | "chart" | "markdown" | "page";

/** A text as it is, as Markdown, or as a page in a frame in which no script runs and nothing is loaded. */
function TextArtifact({ name, text, path }: { name: string; text: string; path: string }) {
  const isPage = /^\s*(<!doctype html|<html|<!--)/i.test(text);
  const vega = useMemo(() => vegaOfText(text), [text]);
  const [view, setView] = useState<TextView>(
    vega ? "chart" : isPage ? "page" : /\b(md|markdown)$/i.test(name) ? "markdown" : "text",
  );
  return (
    <div className="col g8">
      <Segments<TextView>
        small
        label="Shown as"
        value={view}
        onChange={setView}
        options={[
          ...(vega ? [{ id: "chart" as const, label: "Chart" }] : []),
          { id: "text", label: "Text" },
          { id: "markdown", label: "Markdown" },
          { id: "page", label: "Page" },
        ]}
      />
      {view === "chart" && vega ? (
        <Suspense fallback={<Skeleton rows={6} />}>
          <VegaChart spec={vega} label={name} />
        </Suspense>
      ) : view === "page" ? (
        <iframe
          className="artifact-page"
          title={`Artifact ${name} as a page`}
          sandbox=""
          referrerPolicy="no-referrer"
          src={api(`${path}?as=html`)}
        />
      ) : view === "markdown" ? (
        <Suspense fallback={<Skeleton rows={3} />}>
          <Markdown text={text} />
        </Suspense>
      ) : (
        <pre className="pre wrap output-text">{visibleLines(text)}</pre>
      )}
    </div>
  );
}

/** The first visit: no DAG is deployed yet. The commands that bring one, and what there is. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { deploy as deployFile, trigger, useReread } from "../../api/acts";
import { errorOf } from "../../api/client";
import { workers } from "../../api/fleet";
import { Head } from "../../app/head";
import { useMay, useMe } from "../../app/me";
import { startTour } from "../../app/tour";
import { serverUrl } from "../../lib/base";
import { plural } from "../../lib/text";
import { Box, Failure } from "../../parts/states";
import { CopyButton, UntrustedText } from "../../parts/text";
import example from "./example.wasm?url";
import "./welcome.css";

const STEPS = [
  ["Create", "A project with three tasks, in the language you like", "wfctl new cities && cd cities"],
  ["Try", "Runs here, without a server", "wfctl build && wfctl run"],
  ["Deploy", "The file becomes a version on this server", ""],
  ["Watch", "Tasks change state live, on this page", ""],
] as const;

export function Welcome() {
  const me = useMe();
  const fleet = useQuery(workers);
  const url = serverUrl();
  const deploy = `wfctl context add here --url ${url}\nwfctl login\nwfctl deploy`;
  const trigger = "wfctl runs trigger cities --watch";
  return (
    <>
      <Head title="Home" />
      <div className="body">
        <div className="welcome">
          <div>
            <h2 className="t28 sb">No DAGs yet</h2>
            <p className="t14 mut">Deploy one and watch it run. Nothing needs to be installed on a worker.</p>
          </div>
          <div className="welcome-cols">
            <Box title="Bring a DAG">
              {STEPS.map(([name, note, command], i) => {
                const text = command || (i === 2 ? deploy : trigger);
                return (
                  <div className="step" key={name}>
                    <span className="no">{i + 1}</span>
                    <div style={{ minWidth: 0 }}>
                      <div className="m">{name}</div>
                      <div className="mut">{note}</div>
                      <div className="row g8 step-cmd">
                        <pre className="pre sp">{text}</pre>
                        <CopyButton text={text} />
                      </div>
                    </div>
                  </div>
                );
              })}
            </Box>
            <div className="col g16">
              <Example />
              <Box title="This installation">
                <dl className="kv pad16">
                  <dt>Server</dt>
                  <dd>
                    {me.server_version}, {url}
                  </dd>
                  <dt>Workers</dt>
                  <dd>
                    {fleet.data
                      ? `${plural(fleet.data.length, "worker")} with ${plural(
                          fleet.data.reduce((sum, w) => sum + w.slots, 0),
                          "slot",
                        )}`
                      : "–"}
                  </dd>
                  <dt>Signed in as</dt>
                  <dd>
                    <UntrustedText>{me.name}</UntrustedText>, {me.role}
                  </dd>
                </dl>
              </Box>
              <Box title="From what you have">
                <div className="pad16 mut">
                  A folder with a <code>dag.toml</code> makes tasks of plain WASI programs, without an SDK:{" "}
                  <code>wfctl build</code> in it, then deploy as above.
                </div>
              </Box>
            </div>
          </div>
        </div>
      </div>
    </>
  );
}

const EXAMPLE = "first_steps";

/** One click: the example that the UI brings is deployed and run, and the tour begins at the run. */
function Example() {
  const may = useMay("deploy");
  const reread = useReread();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const begin = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const file = await fetch(example);
      if (!file.ok) throw await errorOf(file);
      await deployFile(await file.arrayBuffer());
      const run = await trigger(EXAMPLE, {}, crypto.getRandomValues(new Uint32Array(4)).join("-"));
      startTour({ dag: EXAMPLE, run: run.id });
      await navigate({
        to: "/dags/$dag/runs/$run/$tab",
        params: { dag: EXAMPLE, run: run.id, tab: "overview" },
      } as never);
      await reread(["dags"], ["overview"]);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Box title="Look around first">
      <div className="pad16 col g8">
        <div className="mut">
          An example of five tasks, one of them mapped. It is deployed as <code>{EXAMPLE}</code>, runs for some seconds,
          and is yours to change, clear and delete.
        </div>
        <div>
          <button type="button" className="btn pri" disabled={!may || busy} onClick={() => void begin()}>
            {busy ? "Deploying…" : "Deploy the example and run it"}
          </button>
        </div>
        {!may && <div className="mut">Your token does not permit deploys.</div>}
        {error !== undefined && <Failure error={error} />}
      </div>
    </Box>
  );
}

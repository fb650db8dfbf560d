// What wfctl runs with Node, once for each step: `node main.mjs STEP PLAN.json`.
// What went wrong is said on standard error, in the tool's own words, and again
// in the plan's `report`, for advice.

import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { bundle } from "./bundle.mjs";
import { component } from "./component.mjs";

/** What the SDK's own sources are compiled with. */
const OPTIONS = ["--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "esnext,dom", "--strict", "--ignoreConfig"];

const [step, file] = process.argv.slice(2);
const plan = JSON.parse(await readFile(file, "utf8"));
const tools = createRequire(path.join(plan.tools, "package.json"));

/** `URL` and its kin, from core-js, once for all programs. */
async function web() {
  const wanted = ["url", "structured-clone", "dom-exception"].map((name) => `import "core-js/actual/${name}";`);
  await tools("esbuild").build({
    stdin: { contents: wanted.join("\n"), resolveDir: plan.tools },
    bundle: true,
    legalComments: "none",
    logLevel: "warning",
    minify: true,
    outfile: plan.web,
    target: "es2023",
  });
}

/** The SDK for Node and for compilers: its sources are TypeScript. */
async function dist() {
  const sources = ["index.ts", "sensors.ts", "testing.ts"].map((name) => path.join(plan.sdk, name));
  const tsc = path.join(path.dirname(tools.resolve("typescript/package.json")), "bin/tsc");
  const made = spawnSync(process.execPath, [tsc, "--declaration", "--emitDeclarationOnly", "--outDir", plan.dist, "--rootDir", plan.sdk, ...OPTIONS, ...sources], {
    stdio: ["ignore", 2, 2],
  });
  if (made.status !== 0) throw new Error("the SDK's types can't be made");
  await tools("esbuild").build({
    entryPoints: sources,
    bundle: true,
    format: "esm",
    logLevel: "warning",
    outdir: plan.dist,
    platform: "neutral",
    splitting: true,
    target: "es2022",
  });
}

async function failed(report) {
  await writeFile(plan.report, JSON.stringify(report));
  process.exitCode = 1;
}

if (step === "web") {
  await web();
} else if (step === "dist") {
  await dist();
} else if (step === "bundle") {
  const errors = await bundle(tools("esbuild"), plan);
  if (errors.length > 0) await failed({ errors: errors.map(({ text }) => text) });
} else if (step === "component") {
  const words = await component(tools("componentize-qjs"), plan);
  if (words !== undefined) {
    console.error(words);
    await failed({ errors: [words] });
  }
} else {
  throw new Error(`there is no step ${step}`);
}

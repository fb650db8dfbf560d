// Makes one file of an author's modules, their packages and the SDK, with esbuild.
//
// Nothing in it tells where it was made: files of the project are named from its
// folder, those of the SDK by a scheme of their own.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { table } from "./map.mjs";

/** What may be imported as text. */
const TEXT = [".csv", ".graphql", ".html", ".md", ".sql", ".svg", ".txt", ".xml", ".yaml", ".yml"];

/** `plan`: folder, entries, sdk, web, bundle. Answers with esbuild's errors. */
export async function bundle(esbuild, plan) {
  const names = plan.entries.map((_entry, index) => `m${index}`);
  const lines = [
    'import "weft-web:";',
    'import "weft-sdk:guest/install";',
    ...plan.entries.map((entry, index) => `import * as ${names[index]} from ${JSON.stringify(`./${entry}`)};`),
    'import { component } from "weft-sdk:guest/component";',
    `export const tasks = component(${names.join(", ")});`,
  ];
  try {
    const { outputFiles } = await esbuild.build({
      stdin: { contents: lines.join("\n"), resolveDir: plan.folder, sourcefile: "weft-sdk:entry" },
      absWorkingDir: plan.folder,
      outfile: path.join(plan.folder, "dag.js"),
      bundle: true,
      write: false,
      charset: "utf8",
      color: plan.color,
      conditions: ["worker", "module"],
      define: { "process.env.NODE_ENV": '"production"' },
      format: "esm",
      keepNames: true,
      legalComments: "none",
      loader: Object.fromEntries(TEXT.map((end) => [end, "text"])),
      logLevel: "warning",
      mainFields: ["browser", "module", "main"],
      // Of a package's programs the ones that need no Node.
      platform: "browser",
      plugins: [ours(plan)],
      sourcemap: "external",
      sourcesContent: false,
      // The engine has no way to wait for a promise of its own: see guest/promise.ts.
      supported: { "async-await": false, "async-generator": false, "for-await": false, "top-level-await": false },
      target: "es2023",
    });
    const map = JSON.parse(outputFiles.find(({ path }) => path.endsWith(".map")).text);
    const code = outputFiles.find(({ path }) => path.endsWith(".js")).text;
    // The table is a line before all others.
    const places = JSON.stringify(JSON.stringify(table(map, 1)));
    await writeFile(plan.bundle, `globalThis.__weft_places=${places};\n${code}`);
    return [];
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    return error.errors;
  }
}

/** The SDK's modules and the contract's. */
function ours({ sdk, web }) {
  const within = (name) => ({ path: `${path.posix.normalize(name).replace(/\.js$/, "")}.ts`, namespace: "weft-sdk" });
  return {
    name: "weft",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^@weft\/sdk$/ }, () => within("index"));
      onResolve({ filter: /^@weft\/sdk\/(sensors|testing)$/ }, ({ path: name }) => within(name.slice("@weft/sdk/".length)));
      onResolve({ filter: /^weft-sdk:/ }, ({ path: name }) => within(name.slice("weft-sdk:".length)));
      onResolve({ filter: /^\./, namespace: "weft-sdk" }, ({ path: name, importer }) => within(path.posix.join(path.posix.dirname(importer), name)));
      onResolve({ filter: /^weft-web:$/ }, () => ({ path: "web.js", namespace: "weft-sdk" }));
      onResolve({ filter: /^(weft|wqjs):/ }, ({ path: name }) => ({ path: name, external: true }));
      onLoad({ filter: /./, namespace: "weft-sdk" }, async ({ path: name }) =>
        name === "web.js" ? { contents: await readFile(web, "utf8"), loader: "js" } : { contents: await readFile(path.join(sdk, name), "utf8"), loader: "ts" },
      );
    },
  };
}

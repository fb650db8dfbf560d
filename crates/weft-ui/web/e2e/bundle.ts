/**
 * Serves the bundle in `dist` as the server serves the one that it embeds, and passes everything else on to it: with `BUNDLE=1` tests and
 * bench are of what was built last, without compiling the server.
 */
import { existsSync, readFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const NONCE = "YmVuY2g";
const TYPES: Record<string, string> = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY =
  `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${NONCE}'; img-src 'self' blob:; ` +
  "connect-src 'self'; worker-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

export async function serveBundle(server: string): Promise<{ url: string; end(): void }> {
  const agent = new Agent({ keepAlive: true });
  const to = new URL(server);
  const page = readFileSync(`${DIST}index.html`, "utf8")
    .replaceAll("__WEFT_NONCE__", NONCE)
    .replaceAll("__WEFT_BASE__", "/");
  const http = createServer((from, out) => {
    const path = new URL(from.url ?? "/", server).pathname;
    const file = `${DIST}${path.slice(1)}.br`;
    if (path.startsWith("/api/") || path.startsWith("/hooks/")) {
      const headers = { ...from.headers, host: to.host, ...(from.headers.origin ? { origin: server } : {}) };
      const passed = request(
        { host: to.hostname, port: to.port, path: from.url, method: from.method, headers, agent },
        (answer) => {
          out.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(out);
        },
      );
      passed.on("error", () => out.destroy());
      out.on("close", () => passed.destroy());
      from.pipe(passed);
    } else if (path.startsWith("/assets/") && existsSync(file)) {
      out.writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "application/octet-stream",
        "content-encoding": "br",
        "cache-control": "public, max-age=31536000, immutable",
      });
      out.end(readFileSync(file));
    } else {
      out.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY });
      out.end(page);
    }
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, end: () => http.close() };
}

/** Where the UI is served: the base path from the page's `<base>`, and addresses below it. */

const href = typeof document === "undefined" ? "/" : (document.querySelector("base")?.getAttribute("href") ?? "/");

/** The base path, with a slash at both ends. Vite's own server leaves the placeholder as it is. */
export const BASE: string = href.startsWith("__") ? "/" : href;

/** The address of an operation of the API: `api("whoami")`. */
export const api = (path: string): string => `${BASE}api/v1/${path}`;

/** The server's address for commands to copy. */
export const serverUrl = (): string => `${location.origin}${BASE}`.replace(/\/$/, "");

/** The nonce of styles that scripts make, which the server puts into the page. */
export const NONCE: string =
  typeof document === "undefined"
    ? ""
    : (document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "");

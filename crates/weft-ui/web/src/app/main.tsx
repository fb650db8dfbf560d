/** The start: styles, the cache, the session, the router. */
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/shell.css";
import "../styles/parts.css";
import "../styles/forced.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { cache } from "../api/cache";
import { whoami } from "../api/queries";
import { App } from "./app";
import { router } from "./router";

// Who is there, the view's code and what it will read are asked for at once, not one after another.
void cache.prefetchQuery(whoami);
void router.load();

const place = document.getElementById("weft");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={cache}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}

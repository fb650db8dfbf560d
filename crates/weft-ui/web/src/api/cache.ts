/** What the views have read, for all of them. */
import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./client";

export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      // What is on screen is kept by events; a click fetches only what is new.
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      gcTime: 10 * 60_000,
      retry: (times, error) => times < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});

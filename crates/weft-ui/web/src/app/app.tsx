/** Who is there: the sign-in view, or the shell around the routes. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect } from "react";
import { ApiError, signedOut } from "../api/client";
import { applyEvents, Soon } from "../api/deltas";
import { whoami } from "../api/queries";
import { follow } from "../api/stream";
import { useStore } from "../lib/store";
import { Failure } from "../parts/states";
import { Me } from "./me";
import { router } from "./router";
import { Shell } from "./shell";
import { SignIn } from "./signin";

export function App() {
  const out = useStore(signedOut);
  const me = useQuery(whoami);
  if (out || (me.error instanceof ApiError && me.error.status === 401)) return <SignIn />;
  if (me.data) {
    return (
      <Me value={me.data}>
        <Live />
        <RouterProvider router={router} InnerWrap={Shell} />
      </Me>
    );
  }
  if (me.error) return <Failure error={me.error} retry={() => void me.refetch()} />;
  return null;
}

/** Keeps the cache up to date by the event stream. */
function Live() {
  const cache = useQueryClient();
  useEffect(() => {
    const soon = new Soon(cache);
    return follow({
      events: (events) => applyEvents(cache, soon, events),
      // The old picture stays until the new one is there.
      resync: () => soon.readAgain([]),
    });
  }, [cache]);
  return null;
}

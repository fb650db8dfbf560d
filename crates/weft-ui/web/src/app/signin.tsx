/** Sign-in by token: it goes to the server once, which keeps it in a cookie that scripts can't read. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { post, signedOut } from "../api/client";
import { Logo } from "../parts/icons";
import { Failure } from "../parts/states";
import "../styles/signin.css";

export function SignIn() {
  const cache = useQueryClient();
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    document.title = "Sign in · Weft";
  }, []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await post("session", { token: token.trim() });
      cache.clear();
      signedOut.set(false);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="signin">
      <form className="box" onSubmit={submit}>
        <h1 className="row g8 t16 sb">
          <Logo />
          Sign in to Weft
        </h1>
        <label htmlFor="token" className="m">
          Token
        </label>
        <div className="in">
          <input
            id="token"
            type="password"
            name="token"
            autoComplete="current-password"
            value={token}
            spellCheck={false}
            required
            // biome-ignore lint/a11y/noAutofocus: the page's only field
            autoFocus
            onChange={(e) => setToken(e.target.value)}
          />
        </div>
        <button type="submit" className="btn pri" disabled={busy || token.trim() === ""}>
          Sign in
        </button>
        {error !== undefined && <Failure error={error} />}
        <div className="mut">
          <code>wfctl up</code> prints the token of a local installation when it first starts;{" "}
          <code>wfctl tokens create</code> makes one for a person. This browser keeps it in a cookie that no script can
          read.
        </div>
      </form>
    </main>
  );
}

/** Ends the session here and at the server. */
export async function signOut(): Promise<void> {
  const { raw } = await import("../api/client");
  await raw("session", { method: "DELETE" }).catch(() => undefined);
  signedOut.set(true);
}

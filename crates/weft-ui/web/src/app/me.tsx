/** Who is signed in, and what they may do: views offer nothing else. */
import { createContext, useContext } from "react";
import type { Whoami } from "../api/types";

export type Permission = "read" | "operate" | "settle" | "deploy" | "govern" | "tokens" | "audit";

export const Me = createContext<Whoami | undefined>(undefined);

export function useMe(): Whoami {
  const me = useContext(Me);
  if (!me) throw new Error("only views of signed in people ask who they are");
  return me;
}

export function useMay(permission: Permission): boolean {
  return useMe().permissions.includes(permission);
}

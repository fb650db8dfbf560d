/** A link whose target is a value: the one place where the router's types are put aside. */
import { Link, type LinkProps } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, ReactNode } from "react";

export interface Target {
  to: string;
  params?: Record<string, string>;
  search?: Record<string, string | undefined>;
  hash?: string;
}

interface Props extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href" | "target"> {
  target: Target;
  children?: ReactNode;
}

export function Go({ target, children, ...rest }: Props) {
  return (
    <Link {...(target as unknown as LinkProps & { to: "/" })} {...rest}>
      {children}
    </Link>
  );
}

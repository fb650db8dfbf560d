/** A page's head: where it is, its title, badges, actions; tabs below it. */
import { Fragment, type ReactNode, useEffect } from "react";
import { visible } from "../lib/text";
import { Go, type Target } from "../parts/go";

export interface Crumb {
  label: ReactNode;
  to: Target;
}

interface HeadProps {
  crumbs?: readonly Crumb[];
  title: string;
  /** Beside the title. */
  badges?: ReactNode;
  actions?: ReactNode;
  /** Tabs follow, which draw the line. */
  open?: boolean;
}

export function Head({ crumbs = [], title, badges, actions, open = false }: HeadProps) {
  const shown = visible(title);
  useEffect(() => {
    document.title = `${shown} · Weft`;
  }, [shown]);
  return (
    <header className={open ? "head nb" : "head"}>
      {crumbs.map((crumb) => (
        <Fragment key={crumb.to.to}>
          <span className="crumb">
            <Go target={crumb.to}>{crumb.label}</Go>
          </span>
        </Fragment>
      ))}
      <h1 className="title el">
        <bdi>{shown}</bdi>
      </h1>
      {badges}
      <span className="sp" />
      {actions}
    </header>
  );
}

export interface Tab {
  id: string;
  label: ReactNode;
  to: Target;
}

export function Tabs({ label, at, tabs }: { label: string; at: string; tabs: readonly Tab[] }) {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <Go
          key={tab.id}
          target={tab.to}
          className={tab.id === at ? "on" : ""}
          {...(tab.id === at ? { "aria-current": "page" as const } : {})}
        >
          {tab.label}
        </Go>
      ))}
    </nav>
  );
}

/**
 * Markdown of guests as elements: its tree is drawn node by node. There is no HTML string anywhere, HTML in it is text,
 * images are links to look at, and only `http` and `https` are addresses.
 */
import type { Nodes, Root, Table } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";
import { Fragment, type ReactNode, useMemo } from "react";
import { visible } from "../lib/text";
import "./markdown.css";

/** Longer texts are cut, in characters. */
const MAX_TEXT = 200_000;
/** Deeper nodes are left out: nesting is a guest's choice, the stack is the page's. */
const MAX_DEPTH = 40;

/** An address that a click may open. */
export function safeUrl(url: string): string | undefined {
  try {
    const parsed = new URL(url);
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : undefined;
  } catch {
    return undefined;
  }
}

export function parse(text: string): Root {
  return fromMarkdown(text.slice(0, MAX_TEXT), {
    extensions: [gfmTable()],
    mdastExtensions: [gfmTableFromMarkdown()],
  });
}

export function Markdown({ text }: { text: string }) {
  const tree = useMemo(() => parse(text), [text]);
  return (
    <div className="markdown">
      <Kids of={tree.children} depth={0} />
    </div>
  );
}

function Kids({ of, depth }: { of: readonly Nodes[]; depth: number }) {
  if (depth > MAX_DEPTH) return <>…</>;
  return of.map((node, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a node's place is its identity
    <Fragment key={i}>
      <One node={node} depth={depth} />
    </Fragment>
  ));
}

const lines = (text: string): string => text.split("\n").map(visible).join("\n");

function Address({ url, children }: { url: string; children: ReactNode }) {
  const href = safeUrl(url);
  return href ? (
    <a href={href} target="_blank" rel="noreferrer noopener nofollow" className="ul" title={visible(url)}>
      {children}
    </a>
  ) : (
    <span title={visible(url)}>{children}</span>
  );
}

/** Headings of a guest are below those of the page. */
function Title({ level, children }: { level: number; children: ReactNode }) {
  return (
    <p role="heading" aria-level={Math.min(6, level + 2)} className={`md-h md-h${level}`}>
      {children}
    </p>
  );
}

function One({ node, depth }: { node: Nodes; depth: number }): ReactNode {
  const kids = "children" in node ? <Kids of={node.children} depth={depth + 1} /> : null;
  switch (node.type) {
    case "text":
      return lines(node.value);
    case "paragraph":
      return <p dir="auto">{kids}</p>;
    case "heading":
      return <Title level={node.depth}>{kids}</Title>;
    case "emphasis":
      return <em>{kids}</em>;
    case "strong":
      return <strong>{kids}</strong>;
    case "inlineCode":
      return <code>{visible(node.value)}</code>;
    case "code":
      return <pre className="pre">{lines(node.value)}</pre>;
    case "blockquote":
      return <blockquote>{kids}</blockquote>;
    case "list":
      return node.ordered ? <ol start={node.start ?? 1}>{kids}</ol> : <ul>{kids}</ul>;
    case "listItem":
      return <li>{kids}</li>;
    case "thematicBreak":
      return <hr />;
    case "break":
      return <br />;
    case "link":
      return <Address url={node.url}>{kids}</Address>;
    case "image":
      return <Address url={node.url}>[{visible(node.alt || "image")}]</Address>;
    case "html":
      return <code>{lines(node.value)}</code>;
    case "table":
      return <Grid table={node} depth={depth} />;
    default:
      return kids;
  }
}

function Grid({ table, depth }: { table: Table; depth: number }) {
  const [head, ...rows] = table.children;
  return (
    <div className="data-table">
      <table className="tbl tight">
        <thead>
          <tr>
            {head?.children.map((cell, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a column's place is its identity
              <th key={i}>
                <Kids of={cell.children} depth={depth + 2} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row's place is its identity
            <tr key={i}>
              {row.children.map((cell, j) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a column's place is its identity
                <td key={j} className={table.align?.[j] === "right" ? "r" : ""}>
                  <Kids of={cell.children} depth={depth + 2} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Code and the difference of two texts, read only. Loaded when something needs it: CodeMirror is large. */
import { json } from "@codemirror/lang-json";
import { foldGutter, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, highlightSpecialChars, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import { NONCE } from "../lib/base";
import "./code.css";

/** Longer texts are cut, in characters: the download or the copy has them whole. */
export const MAX_TEXT = 1_000_000;

const STYLE = HighlightStyle.define([
  { tag: tags.propertyName, class: "cm-key" },
  { tag: tags.string, class: "cm-str" },
  { tag: [tags.number, tags.bool, tags.null], class: "cm-num" },
]);

function common(label: string, isJson: boolean): Extension {
  return [
    EditorView.cspNonce.of(NONCE),
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
    lineNumbers(),
    highlightSpecialChars({
      // What is invisible is shown; directions are not obeyed.
      addSpecialChars: /[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu,
    }),
    syntaxHighlighting(STYLE),
    ...(isJson ? [json(), foldGutter()] : []),
  ];
}

interface CodeProps {
  text: string;
  label: string;
  json?: boolean;
}

export function Code({ text, label, json: isJson = true }: CodeProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!ref.current) return;
    const view = new EditorView({
      parent: ref.current,
      doc: text.slice(0, MAX_TEXT),
      extensions: common(label, isJson),
    });
    return () => view.destroy();
  }, [text, label, isJson]);
  return <div className="code-view" ref={ref} />;
}

interface DiffProps {
  before: string;
  after: string;
  label: string;
  json?: boolean;
  /** Side by side, else one text with both. */
  split?: boolean;
}

export function CodeDiff({ before, after, label, json: isJson = true, split = false }: DiffProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!ref.current) return;
    const extensions = common(label, isJson);
    const [a, b] = [before.slice(0, MAX_TEXT), after.slice(0, MAX_TEXT)];
    const collapse = { margin: 3, minSize: 6 };
    // A guest's texts may be made to be slow to compare.
    const diffConfig = { scanLimit: 2000, timeout: 500 };
    if (split) {
      const view = new MergeView({
        parent: ref.current,
        a: { doc: a, extensions },
        b: { doc: b, extensions },
        collapseUnchanged: collapse,
        diffConfig,
      });
      return () => view.destroy();
    }
    const unified = unifiedMergeView({
      original: a,
      mergeControls: false,
      collapseUnchanged: collapse,
      diffConfig,
    });
    const view = new EditorView({ parent: ref.current, doc: b, extensions: [extensions, unified] });
    return () => view.destroy();
  }, [before, after, label, isJson, split]);
  return <div className="code-view" ref={ref} />;
}

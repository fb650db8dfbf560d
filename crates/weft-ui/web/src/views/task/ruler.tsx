/** The ruler beside a log: where the hits and the errors are. */
import { useEffect, useRef } from "react";
import { useSize } from "../../parts/width";
import { useColours } from "../../state/colours";

interface Props {
  total: number;
  hits: readonly number[];
  errors: readonly number[];
  onGo: (place: number) => void;
}

export function Ruler({ total, hits, errors, onGo }: Props) {
  const [ref, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useColours();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    element.width = 12;
    element.height = size.height;
    context.clearRect(0, 0, 12, size.height);
    const y = (place: number) => Math.round((place / Math.max(1, total)) * (size.height - 4));
    context.fillStyle = colours.failed ?? "";
    // Of a million hits most fall on the same pixels.
    const draw = (places: readonly number[], high: number) => {
      let last = -1;
      for (const place of places) {
        const at = y(place);
        if (at !== last) context.fillRect(2, at, 8, high);
        last = at;
      }
    };
    draw(errors, 3);
    context.fillStyle = colours.text ?? "";
    draw(hits, 1.5);
  }, [total, hits, errors, size.height, colours]);
  return (
    <div
      className="ruler"
      ref={ref}
      aria-hidden="true"
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        onGo(Math.floor(((event.clientY - box.top) / Math.max(1, box.height)) * total));
      }}
    >
      <canvas ref={canvas} />
    </div>
  );
}

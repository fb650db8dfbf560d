/** Marks on a canvas: each is drawn once into a sprite, then copied. Tens of thousands a frame are possible. */
import type { Colours } from "./colours";
import { HALO, type Options, STRIPE, STRIPE_OPACITY, shape, stripes } from "./glyphs";
import type { MarkState } from "./states";

/** Draws a mark into a context whose unit is a CSS pixel. */
export function paint(
  to: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  colours: Colours,
  state: MarkState,
  at: { x: number; y: number; w: number; h: number },
  options: Options,
): void {
  const s = shape(state, at.x, at.y, at.w, at.h, options);
  const colour = colours[s.colour] ?? "gray";
  const surface = colours.s2 ?? "white";
  const { box, line, glyph } = s;
  to.save();
  if (line) {
    to.fillStyle = colour;
    to.fillRect(line.x1, line.y - line.width / 2, line.x2 - line.x1, line.width);
  }
  to.beginPath();
  if (s.body === "outline") {
    to.roundRect(box.x + 0.75, box.y + 0.75, box.w - 1.5, box.h - 1.5, box.r - 0.5);
    to.strokeStyle = colour;
    to.lineWidth = 1.5;
    to.stroke();
  } else {
    to.roundRect(box.x, box.y, box.w, box.h, box.r);
    to.fillStyle = colour;
    to.fill();
  }
  if (s.body === "hatch") {
    to.strokeStyle = surface;
    to.lineWidth = STRIPE;
    to.globalAlpha = STRIPE_OPACITY;
    to.stroke(new Path2D(stripes(box.x, box.y, box.w, box.h)));
    to.globalAlpha = 1;
  }
  if (glyph && !(options.quiet && state === "success")) {
    to.translate(glyph.x, glyph.y);
    to.scale(glyph.scale, glyph.scale);
    const layers: [string, number][] = [[s.body === "outline" ? colour : (colours.glyph ?? "white"), 0]];
    if (s.body === "hatch") layers.unshift([colour, HALO]);
    for (const [ink, extra] of layers) {
      for (const { d, width } of glyph.strokes) {
        const path = new Path2D(d);
        to.lineJoin = extra || d.endsWith("Z") ? "round" : "miter";
        if (width > 0 || extra > 0) {
          to.strokeStyle = ink;
          to.lineWidth = width + extra;
          to.stroke(path);
        }
        if (width === 0) {
          to.fillStyle = ink;
          to.fill(path);
        }
      }
    }
  }
  to.restore();
}

/** Sprites of marks for one theme, size and pixel density. */
export class Sprites {
  private readonly made = new Map<string, HTMLCanvasElement>();

  constructor(
    private readonly colours: Colours,
    private readonly ratio: number,
  ) {}

  draw(
    to: CanvasRenderingContext2D,
    state: MarkState,
    x: number,
    y: number,
    w: number,
    h: number,
    options: Options,
  ): void {
    const key = `${state} ${w} ${h} ${options.quiet ? 1 : 0}${options.sum ? 1 : 0}`;
    let sprite = this.made.get(key);
    if (!sprite) {
      sprite = document.createElement("canvas");
      sprite.width = Math.ceil(w * this.ratio);
      sprite.height = Math.ceil(h * this.ratio);
      const context = sprite.getContext("2d");
      if (!context) return;
      context.scale(this.ratio, this.ratio);
      paint(context, this.colours, state, { x: 0, y: 0, w, h }, options);
      this.made.set(key, sprite);
    }
    to.drawImage(sprite, x, y, sprite.width / this.ratio, sprite.height / this.ratio);
  }
}

/**
 * The grid's cells as tiles: each is drawn once and copied to the canvas while it is scrolled. A change redraws the tiles that it falls
 * on, no others.
 */
import type { Colours } from "../../state/colours";
import type { Sprites } from "../../state/paint";
import { BY_CODE } from "../../state/states";
import type { Model } from "./model";

export const CELL_W = 20;
export const CELL_H = 18;

/** Cells of a tile: about 500 pixels square. */
const COLS = 25;
const ROWS = 28;
/** Tiles that are kept beyond the visible ones: at most 1 MB each, times the square of the pixel density. */
const MAX_SPARE = 12;

interface Tile {
  canvas: HTMLCanvasElement;
  /** What is drawn, to see what changed: codes by column, and one more bit where a mark is a sum. */
  drawn: Uint8Array;
}

export class Tiles {
  /** By place; the last one used is the last. */
  private readonly tiles = new Map<string, Tile>();
  private model: Model | undefined;
  /** Places that were compared with the model. */
  private readonly current = new Set<string>();

  constructor(
    private readonly colours: Colours,
    private readonly sprites: Sprites,
    private readonly ratio: number,
  ) {}

  /** Copies the cells of a part of the grid; `x` and `y` are where the grid's first cell is on the canvas. */
  draw(
    to: CanvasRenderingContext2D,
    model: Model,
    at: { x: number; y: number },
    part: { width: number; bottom: number; top: number },
  ): void {
    if (this.model !== model) {
      this.model = model;
      this.current.clear();
    }
    const [w, h] = [COLS * CELL_W, ROWS * CELL_H];
    const lastCol = Math.min(Math.floor((part.width - at.x) / w), Math.floor((model.runs.length - 1) / COLS));
    const lastRow = Math.min(Math.floor((part.bottom - at.y) / h), Math.floor((model.rows.length - 1) / ROWS));
    let visible = 0;
    for (let r = Math.max(0, Math.floor((part.top - at.y) / h)); r <= lastRow; r += 1) {
      for (let c = Math.max(0, Math.floor(-at.x / w)); c <= lastCol; c += 1) {
        visible += 1;
        to.drawImage(this.tile(model, c, r), at.x + c * w, at.y + r * h, w, h);
      }
    }
    for (const oldest of this.tiles.keys()) {
      if (this.tiles.size <= visible + MAX_SPARE) break;
      this.tiles.delete(oldest);
      this.current.delete(oldest);
    }
  }

  private tile(model: Model, col: number, row: number): HTMLCanvasElement {
    const key = `${col} ${row}`;
    const known = this.tiles.get(key);
    if (known) {
      this.tiles.delete(key);
      this.tiles.set(key, known);
      if (this.current.has(key)) return known.canvas;
    }
    this.current.add(key);
    const drawn = this.codes(model, col, row);
    if (known && drawn.every((code, i) => code === known.drawn[i])) return known.canvas;
    const canvas = known?.canvas ?? document.createElement("canvas");
    this.paint(canvas, drawn);
    this.tiles.set(key, { canvas, drawn });
    return canvas;
  }

  private codes(model: Model, col: number, row: number): Uint8Array {
    const out = new Uint8Array(COLS * ROWS).fill(255);
    for (let c = 0; c < COLS; c += 1) {
      const column = model.codes[col * COLS + c];
      if (!column) continue;
      for (let r = 0; r < ROWS; r += 1) {
        const at = model.rows[row * ROWS + r];
        if (at) out[c * ROWS + r] = (column[row * ROWS + r] ?? 0) | (at.sum ? 64 : 0);
      }
    }
    return out;
  }

  private paint(canvas: HTMLCanvasElement, drawn: Uint8Array): void {
    canvas.width = COLS * CELL_W * this.ratio;
    canvas.height = ROWS * CELL_H * this.ratio;
    const to = canvas.getContext("2d");
    if (!to) return;
    to.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    drawn.forEach((code, i) => {
      if (code === 255) return;
      const x = Math.floor(i / ROWS) * CELL_W + 1;
      const y = (i % ROWS) * CELL_H + 1;
      const state = BY_CODE[code & 63];
      if (state) this.sprites.draw(to, state, x, y, 18, 16, { quiet: true, sum: (code & 64) !== 0 });
      else {
        to.fillStyle = this.colours.border ?? "";
        to.fillRect(x + 7, y + 8, 4, 1);
      }
    });
  }
}

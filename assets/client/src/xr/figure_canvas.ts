// Figures on a canvas, read back: each character has a cell, and its pixels are held against the same character drawn
// alone before. A figure that does not come out as it was meant is taken away.

import { setCapHeight } from "./canvas_text";
import { ALPHABET, BLANK, dashFigure, isInAlphabet } from "../model/figure";

/** Of 255: what two drawings of one letter may differ by. */
const SAME = 24;
/** Cell over cap height: room round the widest character. */
const WIDE = 1.05;
const TALL = 1.7;

type Pixels = Uint8ClampedArray;

/** Whether two drawings are one. */
export function isSame(a: Pixels, b: Pixels): boolean {
  return a.length === b.length && a.every((value, n) => Math.abs(value - b[n]!) <= SAME);
}

export function context2d(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  // Read back all the time: drawn by the processor, and to the bit the same each time.
  return canvas.getContext("2d", { willReadFrequently: true })!;
}

export class FigureCanvas {
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Whether every character can be told from every other: without that nothing is drawn. */
  readonly isSound: boolean;
  readonly #reference: ReadonlyMap<string, Pixels>;

  /** `ground` is the colour behind, null for none. */
  constructor(private readonly cap_px: number, private readonly ink: string, private readonly ground: string | null) {
    this.cellWidth = Math.round(cap_px * WIDE);
    this.cellHeight = Math.round(cap_px * TALL);
    this.#reference = new Map(ALPHABET.map((character) => [character, this.#alone(character)]));
    this.isSound = this.#isReferenceSound();
  }

  width(figure: string): number {
    return Array.from(figure).length * this.cellWidth;
  }

  /** Draws at whole pixels; false where it did not come out, and a dash stands there. */
  draw(context: CanvasRenderingContext2D, figure: string, x: number, y: number): boolean {
    const isRight = this.isSound && isInAlphabet(figure) && this.#drawn(context, figure, x, y);
    if (!isRight) this.#put(context, dashFigure(), x, y);
    return isRight;
  }

  #drawn(context: CanvasRenderingContext2D, figure: string, x: number, y: number): boolean {
    this.#put(context, figure, x, y);
    return Array.from(figure).every((character, n) =>
      isSame(context.getImageData(x + n * this.cellWidth, y, this.cellWidth, this.cellHeight).data, this.#reference.get(character)!));
  }

  #put(context: CanvasRenderingContext2D, figure: string, x: number, y: number): void {
    Array.from(figure).forEach((character, n) => this.#cell(context, character, x + n * this.cellWidth, y));
  }

  #cell(context: CanvasRenderingContext2D, character: string, x: number, y: number): void {
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.beginPath();
    context.rect(x, y, this.cellWidth, this.cellHeight);
    context.clip();
    context.clearRect(x, y, this.cellWidth, this.cellHeight);
    if (this.ground !== null) {
      context.fillStyle = this.ground;
      context.fillRect(x, y, this.cellWidth, this.cellHeight);
    }
    context.globalAlpha = 1;
    context.fillStyle = this.ink;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    setCapHeight(context, this.cap_px, 600);
    // Two thirds of an m fit: the cell is cut for digits.
    context.fillText(character, x + this.cellWidth / 2, y + Math.round(this.cap_px * 1.3), this.cellWidth);
    context.restore();
  }

  #alone(character: string): Pixels {
    const context = context2d(this.cellWidth, this.cellHeight);
    this.#cell(context, character, 0, 0);
    return context.getImageData(0, 0, this.cellWidth, this.cellHeight).data;
  }

  #isReferenceSound(): boolean {
    const drawn = [...this.#reference];
    const blank = this.#reference.get(BLANK)!;
    return drawn.every(([a, pixels], n) => (a === BLANK || !isSame(pixels, blank)) && drawn.slice(n + 1).every(([, other]) => !isSame(pixels, other)));
  }
}

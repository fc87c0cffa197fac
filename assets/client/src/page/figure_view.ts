// Figures on the page, and whether what is drawn is what was meant: each character has a cell of its own; it is read back
// and its width held against the same character in a row of reference. Where they differ the figure is taken away.

import { element } from "./element";
import { ALPHABET, BLANK, dashFigure, isInAlphabet, said } from "../model/figure";

/** Parts of the font's size within which widths are one: layout rounds them to parts of a pixel. */
const SAME = 0.03;
const DIGITS = ALPHABET.slice(0, 10);

export interface FigureView {
  readonly element: HTMLElement;
  show(figure: string): void;
}

export interface FigureSheet {
  /** Put it where the figures are: it has their font. */
  readonly reference: HTMLElement;
  create(): FigureView;
  /** Reads back what was shown since the last time; call once after all was shown. */
  check(): void;
}

interface Drawn extends FigureView {
  readonly cells: HTMLElement;
  wanted: string;
  isNew: boolean;
  wasFault: boolean;
}

/** `unreadable` is told of each figure that comes out wrong after it had come out right. */
export function createFigureSheet(unreadable: () => void): FigureSheet {
  const cells = ALPHABET.map((character) => cell(character));
  const reference = element("span", { class: "figure-reference figure-cells", "aria-hidden": "true" }, ...cells);
  const all: Drawn[] = [];
  return {
    reference,
    create() {
      const view = createFigure();
      all.push(view);
      return view;
    },
    check() {
      const fresh = all.filter((view) => view.isNew && view.element.isConnected && view.element.offsetParent !== null);
      if (fresh.length === 0) return;
      const size_px = fontSize_px(reference);
      const widths = new Map(ALPHABET.map((character, n) => [character, width_px(cells[n]!) / size_px]));
      const isSound = isReferenceSound(widths);
      for (const view of fresh) {
        view.isNew = false;
        const isRight = isSound && isDrawnAsMeant(view, widths);
        view.element.toggleAttribute("data-fault", !isRight);
        if (!isRight) put(view.cells, dashFigure());
        if (!isRight && !view.wasFault) unreadable();
        view.wasFault = !isRight;
      }
    },
  };
}

function createFigure(): Drawn {
  const cells = element("span", { class: "figure-cells", "aria-hidden": "true" });
  const words = element("span", { class: "only-said" });
  const whole = element("span", { class: "figure-view" }, cells, words, element("span", { class: "fault" }, "display fault"));
  const view: Drawn = {
    element: whole,
    cells,
    wanted: "",
    isNew: false,
    wasFault: false,
    show(figure) {
      if (figure === view.wanted && !whole.hasAttribute("data-fault")) return;
      view.wanted = isInAlphabet(figure) ? figure : dashFigure();
      view.isNew = true;
      whole.removeAttribute("data-fault");
      put(cells, view.wanted);
      words.textContent = said(view.wanted);
    },
  };
  return view;
}

/** Where a figure has its point, if it has one, and the gaps before error and unit. */
const NARROW_AT = [4, 6, 11];
const CLASSES: Readonly<Record<string, string>> = { ".": "cell narrow", m: "cell wide", "°": "cell as-mm" };
const cellClass = (character: string, place: number): string => (NARROW_AT.includes(place) && character === BLANK ? "cell narrow" : (CLASSES[character] ?? "cell"));
const cell = (character: string, place = 0): HTMLElement => element("span", { class: cellClass(character, place) }, character);

/** Only what changes is touched. */
function put(cells: HTMLElement, figure: string): void {
  const characters = Array.from(figure);
  while (cells.childElementCount > characters.length) cells.lastElementChild!.remove();
  characters.forEach((character, n) => {
    const there = cells.children[n];
    if (there === undefined) cells.append(cell(character, n));
    else if (there.textContent !== character) {
      there.textContent = character;
      there.className = cellClass(character, n);
    }
  });
}

const fontSize_px = (node: Element): number => Number.parseFloat(getComputedStyle(node).fontSize);

const range = new Range();
function width_px(cell: Element): number {
  range.selectNodeContents(cell);
  return range.getBoundingClientRect().width;
}

/** Digits are there, and all of one width. */
function isReferenceSound(widths: ReadonlyMap<string, number>): boolean {
  const digits = DIGITS.map((digit) => widths.get(digit) ?? 0);
  return Math.min(...digits) > 0 && Math.max(...digits) - Math.min(...digits) < SAME;
}

function isDrawnAsMeant({ cells, wanted }: Drawn, widths: ReadonlyMap<string, number>): boolean {
  const characters = Array.from(wanted);
  if (cells.textContent !== wanted || cells.childElementCount !== characters.length) return false;
  const style = getComputedStyle(cells);
  if (style.visibility !== "visible" || Number(style.opacity) < 0.3) return false;
  const size_px = Number.parseFloat(style.fontSize);
  return characters.every((character, n) => Math.abs(width_px(cells.children[n]!) / size_px - (widths.get(character) ?? -1)) < SAME);
}

// How pages of the panel are laid out: rows of cells under the tabs, over the footer. Lengths in millimetres.

import type { Control, Icon, PanelSize, Press, Rect, Slider } from "./panel";

export const PANEL_SIZE: PanelSize = { width_mm: 240, height_mm: 260 };

export const EDGE = 8;
export const GAP = 3;
export const ROW = 26;
export const PITCH = ROW + GAP;
export const WIDTH = PANEL_SIZE.width_mm - 2 * EDGE;
export const TABS_H = 24;
export const BODY_Y = EDGE + TABS_H + 6;
export const ROWS = 6;
export const FOOTER_Y = PANEL_SIZE.height_mm - EDGE - ROW;

/** A cell of a row that is cut into `of` equal parts. */
export function cell(row: number, index: number, of: number, span = 1): Rect {
  const part = (WIDTH - GAP * (of - 1)) / of;
  return { x_mm: EDGE + index * (part + GAP), y_mm: BODY_Y + row * PITCH, w_mm: part * span + GAP * (span - 1), h_mm: ROW };
}

export function button(id: string, rect: Rect, text: string, press: () => void, more: Partial<Press> = {}): Press {
  return { kind: "press", id, rect, text, size: "body", on: false, press, ...more };
}

export function caption(id: string, rect: Rect, text: string, size: "body" | "label" = "label"): Control {
  return { kind: "caption", id, rect, text, size, align: "left" };
}

export function ticked(on: boolean): { icon?: Icon } {
  return on ? { icon: "tick" } : {};
}

/** A slider over values, in steps where there is one. */
export function range(id: string, rect: Rect, text: string, value: number, { least, most, step }: Range, slide: (value: number) => void): Slider {
  const at = Math.min(1, Math.max(0, (value - least) / (most - least)));
  const valueAt = (part: number): number => (step === undefined ? least + part * (most - least) : least + step * Math.round((part * (most - least)) / step));
  return { kind: "slider", id, rect, text, value: at, slide: (part) => slide(valueAt(part)) };
}

export interface Range {
  readonly least: number;
  readonly most: number;
  readonly step?: number;
}

/** What turns a list of `count` that shows `rows` from `first`. */
export function turning(count: number, first: number, rows: number, [before, after]: readonly [Rect, Rect], showFrom: (first: number) => void): Control[] {
  if (count <= rows) return [];
  const last = (Math.ceil(count / rows) - 1) * rows;
  const turn = (by: number): void => showFrom(Math.min(last, Math.max(0, first + by)));
  return [
    button("previous", before, "", () => turn(-rows), { icon: "previous", disabled: first === 0 }),
    button("next", after, "", () => turn(rows), { icon: "next", disabled: first + rows >= count }),
  ];
}

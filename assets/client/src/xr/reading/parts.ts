// Pieces of the panel in the headset. Millimetres, pure.

import { CAP_MM, type Control, type Icon, type PanelSize, type Rect } from "../panel";
import type { ReadingDesk } from "../../reading/desk";
import type { OptionView } from "../../wire/training_messages";

export const PANEL_SIZE: PanelSize = { width_mm: 392, height_mm: 268 };
export const EDGE = 10;
export const GAP = 5;
export const ROW = 25;
export const LINE = 14;
export const WIDTH = PANEL_SIZE.width_mm - 2 * EDGE;
/** Where the row that is always there stands, the row over it, and the slider over that. */
export const BOTTOM_Y = PANEL_SIZE.height_mm - EDGE - ROW;
export const COMMIT_Y = BOTTOM_Y - ROW - GAP;
export const SLIDER_Y = COMMIT_Y - 33;
/** Options of so many letters stand two in a row. */
const SHORT = 36;

export type PanelPage = "task" | "tools" | "case";

/** What is written on the keyboard: for which task and field, and what stands there so far. */
export interface Entry {
  readonly task: string;
  readonly field: string;
  readonly title: string;
  readonly text: string;
  readonly keys: "words" | "number";
  /** Capitals, or digits and signs. */
  readonly plane: "small" | "capital" | "signs";
}

/** What the panel itself remembers. */
export interface PanelMemory {
  readonly page: PanelPage;
  /** Which of more than fit, which field of a report, which page of the feedback. */
  readonly first: number;
  readonly field: number;
  readonly told: number;
  readonly entry: Entry | null;
}

export const FRESH: PanelMemory = { page: "task", first: 0, field: 0, told: 0, entry: null };

export interface PanelDo {
  readonly desk: ReadingDesk;
  remember(part: Partial<PanelMemory>): void;
  showMe(id: string): void;
  bringHere(): void;
  leave(): void;
  read_s(): number;
}

export const rect = (x: number, y: number, w: number, h = ROW): Rect => ({ x_mm: x, y_mm: y, w_mm: w, h_mm: h });

/** A cell of a row that is cut into `of` equal parts. */
export function cell(y: number, index: number, of: number, x = EDGE, width = WIDTH): Rect {
  const part = (width - GAP * (of - 1)) / of;
  return rect(x + index * (part + GAP), y, part);
}

export function caption(id: string, text: string, y: number, size: "body" | "label" = "body", align: "left" | "center" | "right" = "left", x = EDGE, w = WIDTH): Control {
  return { kind: "caption", id, text, rect: rect(x, y, w, LINE), size, align };
}

export interface PressLook {
  readonly on?: boolean;
  readonly disabled?: boolean;
  readonly icon?: Icon;
  readonly size?: "body" | "label";
}

export function press(id: string, text: string, where: Rect, act: () => void, more: PressLook = {}): Control {
  return { kind: "press", id, text, rect: where, size: more.size ?? "body", on: more.on ?? false, ...(more.disabled === undefined ? {} : { disabled: more.disabled }), ...(more.icon === undefined ? {} : { icon: more.icon }), press: act };
}

export function slider(id: string, value: number, y: number, slide: (value: number) => void, words: string): Control {
  return { kind: "slider", id, text: words, rect: rect(EDGE, y, WIDTH, 28), value, slide };
}

export const hundredth = (value: number): number => Math.round(100 * value) / 100;

/** Words in lines that fit: what a letter takes is estimated on the wide side, and the panel fits the rest. */
export function wrap(text: string, width_mm: number, cap_mm: number = CAP_MM.body): string[] {
  const letters = Math.floor(width_mm / (0.86 * cap_mm));
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > letters) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

/** Lines of text from `y` on; no more than `most`. Returns where they end. */
export function paragraph(id: string, text: string, y: number, most: number, size: "body" | "label" = "body"): { readonly controls: Control[]; readonly end: number } {
  const lines = wrap(text, WIDTH, CAP_MM[size]);
  const shown = lines.length > most ? [...lines.slice(0, most - 1), `${lines[most - 1]!} …`] : lines;
  return { controls: shown.map((line, index) => caption(`${id}-${index}`, line, y + index * (LINE - 1), size)), end: y + shown.length * (LINE - 1) + GAP };
}

/** Rows of options down to `end`, two in a row where they are short; more than fit are turned over. */
export function optionRows(list: readonly OptionView[], chosen: readonly string[], y: number, end: number, memory: PanelMemory, act: PanelDo, choose: (id: string) => void): Control[] {
  const columns = list.every(({ text }) => text.length <= SHORT) ? 2 : 1;
  const fit = columns * Math.max(1, Math.floor((end - y) / (ROW + GAP)));
  const at = (index: number): Rect => cell(y + Math.floor(index / columns) * (ROW + GAP), index % columns, columns);
  const isMore = list.length > fit;
  const room = isMore ? Math.max(1, fit - 1) : fit;
  const first = memory.first < list.length ? memory.first : 0;
  const rows = list.slice(first, first + room).map(({ id, text }, index) => press(`option-${id}`, text, at(index), () => choose(id), { on: chosen.includes(id) }));
  if (!isMore) return rows;
  const pages = Math.ceil(list.length / room);
  const next = first + room >= list.length ? 0 : first + room;
  return [...rows, press("more", `More (${Math.floor(first / room) + 1} of ${pages})`, at(room), () => act.remember({ first: next }), { size: "label" })];
}

/** Turns over fields, one at a time. */
export function turn(title: string, index: number, count: number, y: number, act: PanelDo): Control[] {
  return [
    press("field-previous", "", rect(EDGE, y, ROW), () => act.remember({ field: (index + count - 1) % count, first: 0 }), { icon: "previous" }),
    caption("field", `${title} (${index + 1} of ${count})`, y + 6, "label", "center", EDGE + ROW, WIDTH - 2 * ROW),
    press("field-next", "", rect(PANEL_SIZE.width_mm - EDGE - ROW, y, ROW), () => act.remember({ field: (index + 1) % count, first: 0 }), { icon: "next" }),
  ];
}

// Marks over a pane: crosshair and measurements as SVG, placed anew whenever the picture beneath moves.

import { justified, withError } from "../model/number_text";
import { distance, type Vec3 } from "../model/affine";
import type { State } from "../model/state";
import { isPainting, length_mm } from "../model/view";

/** A patient position as a pixel of the pane; null where it is not seen. */
export type Project = (at_mm: Vec3) => readonly [number, number] | null;

const SVG = "http://www.w3.org/2000/svg";

function shape(tag: string, attributes: Record<string, string | number>): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

type Point = readonly [number, number];

/** Kept free of lines along every edge: there stand the letters. */
const MARGIN = 26;

/** Two lines with a gap in the middle, so that what is pointed at stays clear, and short of the letters. */
function crosshair([x, y]: Point, width: number, height: number): SVGElement[] {
  const gap = 9;
  const line = (x1: number, y1: number, x2: number, y2: number): SVGElement[] =>
    x2 > x1 || y2 > y1 ? [shape("line", { x1, y1, x2, y2, class: "crosshair" })] : [];
  const [right, bottom] = [width - MARGIN, height - MARGIN];
  return [line(MARGIN, y, x - gap, y), line(x + gap, y, right, y), line(x, MARGIN, x, y - gap), line(x, y + gap, x, bottom)].flat();
}

function ends([a, b]: readonly Point[], name: string): SVGElement[] {
  return [a, b].filter((p) => p !== undefined).map(([cx, cy]) => shape("circle", { cx, cy, r: 4, class: name }));
}

/** Width of a letter and height of a line of a label; enough to keep it inside. */
const LETTER = 7.6;
const LINE = 14;
/** The name of the pane stands above this. */
const HEAD = 38;

const within = (value: number, low: number, high: number): number => Math.max(low, Math.min(value, high));

function distanceMark(a: Point, b: Point, text: string, name: string, [width, height]: Point): SVGElement[] {
  const [x1, y1, x2, y2] = [...a, ...b];
  const x = within((x1 + x2) / 2 + 8, 8, width - text.length * LETTER - 8);
  const y = within((y1 + y2) / 2 - 8, HEAD + LINE, height - 8);
  const label = shape("text", { x, y, class: name });
  label.textContent = text;
  const line = (kind: string): SVGElement => shape("line", { x1, y1, x2, y2, class: `${kind} ${name}` });
  return [line("halo"), line("line"), ...ends([a, b], name), label];
}

/** The brush as it cuts the slice: a ring of its size. */
function brush(project: Project, at_mm: Vec3, radius_mm: number): SVGElement[] {
  const at = project(at_mm);
  if (at === null) return [];
  const reaches = [0, 1, 2].map((axis) => project(at_mm.map((x, n) => (n === axis ? x + radius_mm : x)) as unknown as Vec3));
  const r = Math.max(...reaches.map((to) => (to ? Math.hypot(to[0] - at[0], to[1] - at[1]) : 0)));
  return ["halo", "brush"].map((name) => shape("circle", { cx: at[0], cy: at[1], r, class: name }));
}

/** A box under way, as the slice cuts it. */
function box([x0, y0]: Point, [x1, y1]: Point): SVGElement[] {
  const place = { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
  return ["halo", "brush"].map((name) => shape("rect", { ...place, fill: "none", class: name }));
}

export interface Marks {
  readonly svg: SVGElement;
  draw(state: State, project: Project, isOnSlice: (at_mm: Vec3) => boolean, cross: boolean): void;
}

export function createMarks(): Marks {
  const svg = shape("svg", { class: "marks", "aria-hidden": "true" });
  return {
    svg,
    draw(state, project, isOnSlice, cross) {
      const shapes: SVGElement[] = [];
      const size = [svg.clientWidth, svg.clientHeight] as const;
      const cursor = state.view.cursor_mm;
      const at = cross && cursor ? project(cursor) : null;
      if (at) shapes.push(...crosshair(at, svg.clientWidth, svg.clientHeight));
      for (const each of state.measurements) {
        if (!isOnSlice(each.from_mm) && !isOnSlice(each.to_mm)) continue;
        const [a, b] = [project(each.from_mm), project(each.to_mm)];
        const selected = state.selection?.kind === "measurement" && state.selection.id === each.id;
        if (a && b) shapes.push(...distanceMark(a, b, withError(length_mm(each), each.error_mm, "mm"), selected ? "ruler selected" : "ruler", size));
      }
      const { rubber_mm } = state;
      const { pending_mm } = state.view;
      const pending = pending_mm && isOnSlice(pending_mm.at) ? project(pending_mm.at) : null;
      const rubber = rubber_mm ? project(rubber_mm) : null;
      if (state.view.tool === "threshold") {
        if (pending && rubber && cross) shapes.push(...box(pending, rubber));
      } else if (pending && rubber && pending_mm && rubber_mm) {
        shapes.push(...distanceMark(pending, rubber, justified(distance(pending_mm.at, rubber_mm), pending_mm.error_mm, "mm"), "ruler rubber", size));
      } else if (pending) shapes.push(...ends([pending], "ruler selected"));
      if (rubber_mm && isPainting(state.view) && cross && isOnSlice(rubber_mm)) shapes.push(...brush(project, rubber_mm, state.view.radius_mm));
      svg.replaceChildren(...shapes);
    },
  };
}

// Marks over a pane: crosshair and measurements as SVG, placed anew whenever the picture beneath moves.

import { withError } from "../model/number_text";
import type { Vec3 } from "../model/affine";
import type { State } from "../model/state";
import { length_mm } from "../model/view";

/** A patient position as a pixel of the pane; null where it is not seen. */
export type Project = (at_mm: Vec3) => readonly [number, number] | null;

const SVG = "http://www.w3.org/2000/svg";

function shape(tag: string, attributes: Record<string, string | number>): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

type Point = readonly [number, number];

/** Two lines with a gap in the middle, so that what is pointed at stays clear. */
function crosshair([x, y]: Point, width: number, height: number): SVGElement[] {
  const gap = 9;
  const line = (x1: number, y1: number, x2: number, y2: number): SVGElement => shape("line", { x1, y1, x2, y2, class: "crosshair" });
  return [line(0, y, x - gap, y), line(x + gap, y, width, y), line(x, 0, x, y - gap), line(x, y + gap, x, height)];
}

function ends([a, b]: readonly Point[], name: string): SVGElement[] {
  return [a, b].filter((p) => p !== undefined).map(([cx, cy]) => shape("circle", { cx, cy, r: 4, class: name }));
}

function distanceMark(a: Point, b: Point, text: string, selected: boolean): SVGElement[] {
  const name = selected ? "ruler selected" : "ruler";
  const [x1, y1, x2, y2] = [...a, ...b];
  const label = shape("text", { x: (x1 + x2) / 2 + 8, y: (y1 + y2) / 2 - 8, class: name });
  label.textContent = text;
  const line = (kind: string): SVGElement => shape("line", { x1, y1, x2, y2, class: `${kind} ${name}` });
  return [line("halo"), line("line"), ...ends([a, b], name), label];
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
      const cursor = state.view.cursor_mm;
      const at = cross && cursor ? project(cursor) : null;
      if (at) shapes.push(...crosshair(at, svg.clientWidth, svg.clientHeight));
      for (const each of state.measurements) {
        if (!isOnSlice(each.from_mm) && !isOnSlice(each.to_mm)) continue;
        const [a, b] = [project(each.from_mm), project(each.to_mm)];
        const selected = state.selection?.kind === "measurement" && state.selection.id === each.id;
        if (a && b) shapes.push(...distanceMark(a, b, withError(length_mm(each), each.error_mm, "mm"), selected));
      }
      const pending = state.view.pending_mm ? project(state.view.pending_mm.at) : null;
      if (pending) shapes.push(...ends([pending], "ruler selected"));
      svg.replaceChildren(...shapes);
    },
  };
}

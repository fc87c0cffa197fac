// A tool against its way: a target seen along the way, with where the tip is and where the tool points, and a bar of what
// is left to go.

import { element, setText } from "./element";
import type { FigureSheet } from "./figure_view";
import { dashFigure, figureWithError } from "../model/figure";
import type { Sight } from "../model/sight";

/** What the target spans, and its rings. */
const SPAN_MM = 12;
const RINGS_MM = [3, 6, 12];
const RADIUS = 46;
/** A tilt of this many degrees lies at the rim. */
const SPAN_DEG = 20;
const SVG = "http://www.w3.org/2000/svg";

function shape(tag: string, attributes: Record<string, string | number>): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

const within = (value: number): number => Math.max(-1.04, Math.min(1.04, value)) * RADIUS;

export interface Bullseye {
  readonly element: HTMLElement;
  draw(sight: Sight): void;
}

export function createBullseye(sheet: FigureSheet): Bullseye {
  const pointing = shape("line", { class: "pointing", x1: 0, y1: 0, x2: 0, y2: 0 });
  const error = shape("circle", { class: "tip-error" });
  const tip = shape("path", { class: "tip-mark", d: "M-6 0H6M0 -6V6" });
  const svg = shape("svg", { viewBox: "-52 -52 104 104", class: "bullseye", "aria-hidden": "true" });
  svg.append(...RINGS_MM.map((mm) => shape("circle", { r: (mm / SPAN_MM) * RADIUS, class: "ring" })), shape("circle", { r: 1.6, class: "middle" }), pointing, error, tip);
  const depth = element("span", { class: "depth-fill" });
  const depthBar = element("span", { class: "depth", "aria-hidden": "true" }, depth);
  const [aside, toGo, angle] = [sheet.create(), sheet.create(), sheet.create()];
  const name = element("span", { class: "label" });
  const whole = element(
    "div",
    { class: "alignment" },
    element("div", { class: "sights" }, svg as unknown as HTMLElement, depthBar),
    element("dl", { class: "facts" }, element("dt", { class: "way-name" }, name), element("dt", {}, "Aside"), element("dd", {}, aside.element), element("dt", {}, "Angle"), element("dd", {}, angle.element), element("dt", {}, "To go"), element("dd", {}, toGo.element)),
  );
  return {
    element: whole,
    draw({ chosen, alignment, tools }) {
      whole.hidden = chosen === null;
      if (chosen === null) return;
      setText(name, chosen.name);
      const error_mm = tools[0]?.tipError_mm ?? null;
      const known = alignment !== null && error_mm !== null;
      whole.classList.toggle("unknown", !known);
      aside.show(known ? figureWithError(alignment.lateral_mm, error_mm) : dashFigure());
      toGo.show(known ? figureWithError(alignment.toTarget_mm, error_mm) : dashFigure());
      // The shaft's direction is known to no better than a degree.
      angle.show(known && alignment.angle_deg !== null ? figureWithError(alignment.angle_deg, 1, "°") : dashFigure("°"));
      if (!known) return;
      const [x, y] = [within(alignment.right_mm / SPAN_MM), within(-alignment.up_mm / SPAN_MM)];
      tip.setAttribute("transform", `translate(${x} ${y})`);
      for (const [key, value] of [["cx", x], ["cy", y], ["r", (error_mm / SPAN_MM) * RADIUS]] as const) error.setAttribute(key, String(value));
      const [dx, dy] = [within(alignment.tiltRight_deg / SPAN_DEG), within(-alignment.tiltUp_deg / SPAN_DEG)];
      for (const [key, value] of [["x1", x], ["y1", y], ["x2", x + dx], ["y2", y + dy]] as const) pointing.setAttribute(key, String(value));
      depth.style.height = `${100 * Math.min(1, Math.max(0, 1 - alignment.toTarget_mm / alignment.length_mm))}%`;
      depthBar.toggleAttribute("data-beyond", alignment.toTarget_mm < 0);
    },
  };
}

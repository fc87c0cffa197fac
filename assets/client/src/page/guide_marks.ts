// Over a slice: where the tip is and how sure that is, the shaft as it lies, and the way to the target.

import { lookOf, type Shown } from "../model/overlay";
import type { Vec3 } from "../model/affine";
import type { Sight } from "../model/sight";
import type { Picture } from "../slices/picture";

const SVG = "http://www.w3.org/2000/svg";

function shape(tag: string, attributes: Record<string, string | number>): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

function line(picture: Picture, from: Vec3, to: Vec3, name: string): SVGElement[] {
  const [[x1, y1], [x2, y2]] = [picture.toPixel(from), picture.toPixel(to)];
  return ["halo", name].map((each) => shape("line", { x1, y1, x2, y2, class: each }));
}

export interface GuideMarks {
  readonly svg: SVGElement;
  draw(sight: Sight | null, picture: Picture | null, isOn: boolean): void;
}

export function createGuideMarks(): GuideMarks {
  const svg = shape("svg", { class: "marks guide-marks", "aria-hidden": "true" });
  return {
    svg,
    draw(sight, picture, isOn) {
      const shapes = sight === null || picture === null ? [] : [...(isOn ? wayOf(sight, picture) : []), ...toolsOf(sight, picture)];
      if (shapes.length > 0 || svg.childElementCount > 0) svg.replaceChildren(...shapes);
    },
  };
}

function wayOf({ chosen, anatomy }: Sight, picture: Picture): SVGElement[] {
  if (chosen === null || anatomy.shown === "hidden") return [];
  const [cx, cy] = picture.toPixel(chosen.target_mm);
  return [...line(picture, chosen.entry_mm, chosen.target_mm, `way ${anatomy.shown}`), shape("circle", { cx, cy, r: 4, class: "way-target" })];
}

/** Dashed and faint where it is not known to be there; not at all where it is hidden. */
function toolsOf({ tools }: Sight, picture: Picture): SVGElement[] {
  return tools.flatMap(({ place, drawn, tipError_mm }) => {
    if (place === null || drawn.shown === "hidden") return [];
    const [cx, cy] = picture.toPixel(place.tip_mm);
    const shaft = place.shaft_mm.slice(1).flatMap((end, n) => line(picture, place.shaft_mm[n]!, end, `shaft ${drawn.shown}`));
    const sure = tipError_mm !== null && lookOf(drawn).hasNumber;
    const error = sure ? [shape("circle", { cx, cy, r: Math.max(3, tipError_mm * picture.pixelsPerMm), class: `tip-error ${drawn.shown}` })] : [];
    return [...shaft, ...error, tipCross(cx, cy, drawn.shown)];
  });
}

function tipCross(x: number, y: number, shown: Shown): SVGElement {
  return shape("path", { d: `M${x - 11} ${y}h7M${x + 4} ${y}h7M${x} ${y - 11}v7M${x} ${y + 4}v7`, class: `tip-cross ${shown}` });
}

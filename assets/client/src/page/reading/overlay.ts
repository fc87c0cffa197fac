// What lies over a slice: marks, rulers, boxes, paths; after reveal what was there. Near the slice strong, beside it faint.

import { distance, type Vec3 } from "../../model/affine";
import { boxCorners_mm, isBetween } from "../../model/reading/box";
import { isAlong, normalOf, off_mm, step_mm, type Cut } from "../../model/reading/cut";
import { nodeOf, taskOf, volumeOfTask, type Desk } from "../../model/reading/state";
import { workOf } from "../../model/reading/work";
import type { Picture } from "../../slices/picture";
import type { VolumeNode } from "../../wire/messages";

const SVG = "http://www.w3.org/2000/svg" as const;

type Attributes = Record<string, string | number>;

function shape(tag: string, attributes: Attributes, text?: string): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

/** A mark is drawn as a ring of this size; beside its slice smaller and broken. */
const MARK_PX = 13;
/** Marks of neighbouring slices are still seen from this far. */
const NEAR_MM = 6;

export function createOverlay(): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "marks");
  return svg;
}

export function drawOverlay(svg: SVGSVGElement, desk: Desk, cut: Cut, picture: Picture, regionText: (cut: Cut) => string | null): void {
  const node = nodeOf(desk, cut.volume);
  if (node === null) {
    svg.replaceChildren();
    return;
  }
  const step = step_mm(node, cut);
  const draw: Drawing = { desk, cut, picture, node, step, isOn: (at) => off_mm(cut, at) <= step / 2 + 1e-3, isNear: (at) => off_mm(cut, at) <= Math.max(NEAR_MM, step) };
  svg.replaceChildren(...crosshair(draw), ...rulers(draw), ...regions(draw, regionText), ...boxes(draw), ...path(draw), ...marks(draw), ...truth(draw));
}

interface Drawing {
  readonly desk: Desk;
  readonly cut: Cut;
  readonly picture: Picture;
  readonly node: VolumeNode;
  readonly step: number;
  readonly isOn: (at: Vec3) => boolean;
  readonly isNear: (at: Vec3) => boolean;
}

function crosshair({ desk, picture, cut }: Drawing): SVGElement[] {
  const at = desk.crosshair_mm;
  if (at === null || off_mm(cut, at) > NEAR_MM) return [];
  const [x, y] = picture.toPixel(at);
  const gap = 9;
  const arm = (x1: number, y1: number, x2: number, y2: number): SVGElement => shape("line", { class: "crosshair", x1, y1, x2, y2 });
  const far = 4000;
  return [arm(x - far, y, x - gap, y), arm(x + gap, y, x + far, y), arm(x, y - far, x, y - gap), arm(x, y + gap, x, y + far)];
}

function line(picture: Picture, from: Vec3, to: Vec3, name: string): SVGElement[] {
  const [x1, y1] = picture.toPixel(from);
  const [x2, y2] = picture.toPixel(to);
  return [shape("line", { class: "halo", x1, y1, x2, y2 }), shape("line", { class: `line ${name}`, x1, y1, x2, y2 })];
}

function caption(picture: Picture, at: Vec3, text: string, name: string, dx = 10, dy = -8): SVGElement {
  const [x, y] = picture.toPixel(at);
  return shape("text", { class: name, x: x + dx, y: y + dy }, text);
}

function rulers({ desk, cut, picture, node, isNear }: Drawing): SVGElement[] {
  const laid = desk.rulers.filter(({ volume, from_mm, to_mm }) => volume === cut.volume && isNear(from_mm) && isNear(to_mm));
  const drawn = desk.rubber?.kind === "ruler" && desk.rubber.volume === cut.volume ? [desk.rubber] : [];
  const error = Math.min(...node.spacing_mm);
  return [...laid, ...drawn].flatMap(({ from_mm, to_mm }) => {
    const digits = error < 0.5 ? 1 : 0;
    return [...line(picture, from_mm, to_mm, "ruler"), caption(picture, to_mm, `${distance(from_mm, to_mm).toFixed(digits)} mm`, "ruler")];
  });
}

function regions({ desk, cut, picture, isNear }: Drawing, text: (cut: Cut) => string | null): SVGElement[] {
  const rubber = desk.rubber?.kind === "region" && desk.rubber.volume === cut.volume ? [{ volume: cut.volume, normal: normalOf(cut), centre_mm: desk.rubber.from_mm, rim_mm: desk.rubber.to_mm }] : [];
  return [...desk.regions, ...rubber]
    .filter(({ volume, normal, centre_mm, rim_mm }) => volume === cut.volume && isAlong(cut, normal) && isNear(centre_mm) && isNear(rim_mm))
    .flatMap(({ centre_mm, rim_mm }) => {
      const [cx, cy] = picture.toPixel(centre_mm);
      const r = distance(centre_mm, rim_mm) * picture.pixelsPerMm;
      const mean = text(cut);
      return [shape("circle", { class: "halo", cx, cy, r }), shape("circle", { class: "region", cx, cy, r }), ...(mean === null ? [] : [shape("text", { class: "ruler", x: cx + r + 6, y: cy + 4 }, mean)])];
    });
}

/** Corners of a rectangle of the picture between two places. */
function rectangle(picture: Picture, from: Vec3, to: Vec3, name: string): SVGElement[] {
  const [x1, y1] = picture.toPixel(from);
  const [x2, y2] = picture.toPixel(to);
  const box = { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) };
  return [shape("rect", { class: "halo", ...box }), shape("rect", { class: name, ...box })];
}

function boxes({ desk, cut, picture, node }: Drawing): SVGElement[] {
  const task = taskOf(desk);
  const rubber = desk.rubber?.kind === "box" && desk.rubber.volume === cut.volume ? rectangle(picture, desk.rubber.from_mm, desk.rubber.to_mm, "box rubber") : [];
  const answer = task === null ? null : workOf(desk.work, task.id).given?.answer;
  if (desk.told !== null || task === null || answer?.kind !== "box" || volumeOfTask(desk, task) !== cut.volume) return rubber;
  const [from, to] = boxCorners_mm(node, answer);
  return isBetween(cut, from, to) ? [...rectangle(picture, from, to, "box"), ...rubber] : rubber;
}

function path({ desk, cut, picture, isNear }: Drawing): SVGElement[] {
  const task = taskOf(desk);
  if (desk.told !== null || task?.kind !== "guide" || volumeOfTask(desk, task) !== cut.volume) return [];
  const answer = workOf(desk.work, task.id).given?.answer;
  const points = (task.path.length > 0 ? task.path : answer?.kind === "guide" ? answer.path : []).map(([, x, y, z]): Vec3 => [x, y, z]);
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return [];
  const lines = points.slice(1).flatMap((point, index) => {
    const near = isNear(point) || isNear(points[index]!);
    return line(picture, points[index]!, point, near ? "path" : "path far");
  });
  return [...lines, dotAt(picture, first, "path-end"), caption(picture, first, task.path.length > 0 ? "enters" : "entry", "path-word"), ...(last === first ? [] : [dotAt(picture, last, "path-end"), caption(picture, last, task.path.length > 0 ? "ends" : "target", "path-word")])];
}

function dotAt(picture: Picture, at: Vec3, name: string): SVGElement {
  const [cx, cy] = picture.toPixel(at);
  return shape("circle", { class: name, cx, cy, r: 4 });
}

function marks({ desk, cut, picture, isOn, isNear }: Drawing): SVGElement[] {
  if (desk.told !== null) return [];
  const task = taskOf(desk);
  if (task?.kind !== "mark" || volumeOfTask(desk, task) !== cut.volume) return [];
  return workOf(desk.work, task.id).marks.flatMap((mark, index) => {
    if (!isNear(mark.at_mm)) return [];
    const [cx, cy] = picture.toPixel(mark.at_mm);
    const on = isOn(mark.at_mm);
    const name = `mark${on ? "" : " beside"}${mark.id === desk.mark ? " selected" : ""}`;
    const r = on ? MARK_PX : MARK_PX - 4;
    return [shape("circle", { class: "halo", cx, cy, r }), shape("circle", { class: name, cx, cy, r }), ...(on ? [shape("text", { class: "mark-number", x: cx + r + 4, y: cy - r + 4 }, String(index + 1))] : [])];
  });
}

/** After reveal: rings the size of what was there, ticked where found and broken where missed; false marks crossed. */
function truth({ desk, cut, picture, step }: Drawing): SVGElement[] {
  const { told } = desk;
  if (told === null) return [];
  const found = told.findings.filter(({ volume }) => volume === cut.volume).flatMap((finding) => {
    const off = off_mm(cut, finding.at_mm);
    if (off > finding.radius_mm + step) return [];
    const [cx, cy] = picture.toPixel(finding.at_mm);
    const here_mm = Math.sqrt(Math.max(finding.radius_mm ** 2 - off ** 2, (finding.radius_mm * 0.4) ** 2));
    const r = Math.max(8, here_mm * picture.pixelsPerMm + 5);
    const name = `truth ${finding.became === "found" ? "found" : "missed"}${finding.id === desk.shown ? " selected" : ""}`;
    return [
      shape("circle", { class: "halo", cx, cy, r }),
      shape("circle", { class: name, cx, cy, r }),
      shape("text", { class: `truth-word ${finding.became === "found" ? "found" : "missed"}`, x: cx, y: cy - r - 7, "text-anchor": "middle" }, `${finding.became === "found" ? "✓ " : ""}${finding.name}`),
    ];
  });
  const volumes = new Map(desk.reading?.case.tasks.map((task) => [task.id, volumeOfTask(desk, task)]));
  const placed = told.marks.filter(({ task }) => volumes.get(task) === cut.volume).flatMap((mark) => {
    if (off_mm(cut, mark.at_mm) > Math.max(NEAR_MM, step)) return [];
    const [x, y] = picture.toPixel(mark.at_mm);
    const arm = 6;
    const d = mark.became === "false" ? `M${x - arm} ${y - arm}L${x + arm} ${y + arm}M${x + arm} ${y - arm}L${x - arm} ${y + arm}` : `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`;
    const name = `placed ${mark.became}${mark.id === desk.shown ? " selected" : ""}`;
    return [shape("path", { class: "halo", d }), shape("path", { class: name, d })];
  });
  return [...found, ...placed];
}

// What lies over a slice in the headset: name, letters, marks; after reveal what was there. One canvas a pane.

import * as THREE from "three";

import { setCapHeight } from "../canvas_text";
import { LABEL_CAP_DEG, lengthFor } from "../legibility";
import type { Theme } from "../theme";
import { distance, type Vec3 } from "../../model/affine";
import { isAlong, letters, normalOf, off_mm, position, step_mm, type Cut } from "../../model/reading/cut";
import { boxCorners_mm, isBetween } from "../../model/reading/box";
import { taskOf, volumeOfTask, type Desk } from "../../model/reading/state";
import { workOf } from "../../model/reading/work";
import type { VolumeNode } from "../../wire/messages";
import type { Answer, TaskView } from "../../wire/training_messages";

/** Sharper than a headset shows at the distance at which the wall stands. */
const TEXELS_PER_M = 2600;
/** Text is made to be read from here. */
export const WALL_DISTANCE_M = 0.95;
const EDGE_M = 0.012;
const MARK_M = 0.011;
const NEAR_MM = 6;
const COLOURS = { mark: "#ffd479", found: "#5fd0e0", missed: "#f0b23e", ruler: "#ffd479", cross: "rgba(95, 208, 224, 0.7)", path: "#c7a3ff", word: "#e6edf1" } as const;
const NAMES = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" } as const;

type Place = (at_mm: Vec3) => readonly [x_m: number, y_m: number];

export class PaneCanvas {
  readonly mesh: THREE.Mesh<THREE.PlaneGeometry, THREE.MeshBasicMaterial>;
  readonly #canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D;
  readonly #texture: THREE.CanvasTexture;
  #drawn = "";

  constructor(
    private readonly size_m: number,
    private readonly theme: Theme,
  ) {
    this.#canvas.width = this.#canvas.height = Math.round(size_m * TEXELS_PER_M);
    this.#context = this.#canvas.getContext("2d")!;
    this.#texture = new THREE.CanvasTexture(this.#canvas);
    this.#texture.colorSpace = THREE.SRGBColorSpace;
    this.mesh = new THREE.Mesh(new THREE.PlaneGeometry(size_m, size_m), new THREE.MeshBasicMaterial({ map: this.#texture, transparent: true, depthWrite: false, toneMapped: false }));
    this.mesh.renderOrder = 4;
  }

  draw(desk: Desk, cut: Cut, node: VolumeNode, place: Place, mmPerMetre: number, isActive: boolean, regionText: () => string | null, isThere: boolean): void {
    const task = taskOf(desk);
    const work = task && volumeOfTask(desk, task) === cut.volume ? workOf(desk.work, task.id) : null;
    const key = JSON.stringify([cut, desk.mark, desk.crosshair_mm, desk.rubber, desk.rulers, desk.regions, desk.shown, work, desk.told === null, isActive, task?.id, task?.path.length, isThere]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const context = this.#context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    // Metres from the middle, y down.
    context.setTransform(TEXELS_PER_M, 0, 0, TEXELS_PER_M, this.#canvas.width / 2, this.#canvas.height / 2);
    this.#frame(isActive);
    const pen: Pen = { context, cut, node, mmPerMetre, near: Math.max(NEAR_MM, step_mm(node, cut)), step: step_mm(node, cut), at: (at_mm) => {
      const [x, y] = place(at_mm);
      return [x, -y];
    }, word: (text, x, y, align, colour = COLOURS.word) => this.#word(text, x, y, align, colour) };
    cross(pen, desk);
    rulers(pen, desk);
    regions(pen, desk, regionText);
    if (desk.told === null && task !== null && work !== null) {
      boxes(pen, desk, work.given?.answer ?? null);
      path(pen, task, work.given?.answer ?? null);
    }
    if (desk.told === null) marks(pen, desk, work?.marks ?? []);
    else truth(pen, desk);
    this.#words(pen, desk);
    if (!isThere) this.#word("The images are on their way", 0, 0, "center", COLOURS.word);
    this.#texture.needsUpdate = true;
  }

  dispose(): void {
    this.#texture.dispose();
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
  }

  #frame(isActive: boolean): void {
    this.#context.strokeStyle = isActive ? this.theme.accent : this.theme.rim;
    this.#context.lineWidth = isActive ? 0.0018 : 0.001;
    const half = this.size_m / 2 - 0.0012;
    this.#context.strokeRect(-half, -half, 2 * half, 2 * half);
  }

  #words({ cut, node, word }: Pen, desk: Desk): void {
    const half = this.size_m / 2;
    const title = desk.reading?.case.volumes.find(({ id }) => id === cut.volume)?.title ?? "";
    const { index, count } = position(node, cut);
    const several = (desk.reading?.case.volumes.length ?? 0) > 1;
    word(`${several ? `${title} · ` : ""}${cut.plane ? NAMES[cut.plane] : "Oblique"}`, -half + EDGE_M, -half + 2 * EDGE_M, "left");
    word(`${index}/${count}`, half - EDGE_M, -half + 2 * EDGE_M, "right");
    word(`W ${Math.round(cut.window.high - cut.window.low)} L ${Math.round((cut.window.high + cut.window.low) / 2)}${cut.slab_mm > 0 ? ` MIP ${cut.slab_mm}` : ""}`, -half + EDGE_M, half - EDGE_M, "left", "#a9b8c3");
    const side = letters(cut);
    word(side.left, -half + EDGE_M, 0.004, "left");
    word(side.right, half - EDGE_M, 0.004, "right");
  }

  #word(text: string, x: number, y: number, align: CanvasTextAlign, colour: string): void {
    const context = this.#context;
    context.save();
    context.setTransform(1, 0, 0, 1, this.#canvas.width / 2 + x * TEXELS_PER_M, this.#canvas.height / 2 + y * TEXELS_PER_M);
    setCapHeight(context, lengthFor(LABEL_CAP_DEG, WALL_DISTANCE_M) * TEXELS_PER_M, 560);
    context.textAlign = align;
    context.lineJoin = "round";
    context.lineWidth = 8;
    context.strokeStyle = "rgba(0, 0, 0, 0.85)";
    context.strokeText(text, 0, 0);
    context.fillStyle = colour;
    context.fillText(text, 0, 0);
    context.restore();
  }
}

interface Pen {
  readonly context: CanvasRenderingContext2D;
  readonly cut: Cut;
  readonly node: VolumeNode;
  readonly mmPerMetre: number;
  readonly near: number;
  readonly step: number;
  readonly at: (at_mm: Vec3) => readonly [number, number];
  readonly word: (text: string, x: number, y: number, align: CanvasTextAlign, colour?: string) => void;
}

function stroke(context: CanvasRenderingContext2D, colour: string, width_m: number, path: () => void): void {
  for (const [style, width] of [["rgba(0, 0, 0, 0.6)", width_m + 0.002], [colour, width_m]] as const) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    path();
    context.stroke();
  }
}

function ring({ context, at }: Pen, at_mm: Vec3, radius_m: number, colour: string, width_m: number, dashes: number[]): void {
  const [x, y] = at(at_mm);
  context.setLineDash(dashes);
  stroke(context, colour, width_m, () => context.arc(x, y, radius_m, 0, 2 * Math.PI));
  context.setLineDash([]);
}

function cross({ context, cut, at, near }: Pen, desk: Desk): void {
  if (desk.crosshair_mm === null || off_mm(cut, desk.crosshair_mm) > near) return;
  const [x, y] = at(desk.crosshair_mm);
  context.strokeStyle = COLOURS.cross;
  context.lineWidth = 0.0009;
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
    context.moveTo(x + dx * 0.008, y + dy * 0.008);
    context.lineTo(x + dx, y + dy);
  }
  context.stroke();
}

function rulers({ context, cut, at, near, word }: Pen, desk: Desk): void {
  const rubber = desk.rubber?.kind === "ruler" && desk.rubber.volume === cut.volume ? [desk.rubber] : [];
  for (const { volume, from_mm, to_mm } of [...desk.rulers, ...rubber]) {
    if (volume !== cut.volume || off_mm(cut, from_mm) > near) continue;
    const [from, to] = [at(from_mm), at(to_mm)];
    stroke(context, COLOURS.ruler, 0.0014, () => {
      context.moveTo(...from);
      context.lineTo(...to);
    });
    word(`${distance(from_mm, to_mm).toFixed(0)} mm`, to[0] + 0.008, to[1], "left", "#ffe2a6");
  }
}

/** Circles in which values are averaged. */
function regions({ context, cut, at, near, mmPerMetre, word }: Pen, desk: Desk, text: () => string | null): void {
  const rubber = desk.rubber?.kind === "region" ? [{ volume: desk.rubber.volume, normal: normalOf(cut), centre_mm: desk.rubber.from_mm, rim_mm: desk.rubber.to_mm }] : [];
  for (const { volume, normal, centre_mm, rim_mm } of [...desk.regions, ...rubber]) {
    if (volume !== cut.volume || !isAlong(cut, normal) || Math.max(off_mm(cut, centre_mm), off_mm(cut, rim_mm)) > near) continue;
    const [x, y] = at(centre_mm);
    const radius_m = distance(centre_mm, rim_mm) / mmPerMetre;
    stroke(context, COLOURS.ruler, 0.0014, () => context.arc(x, y, radius_m, 0, 2 * Math.PI));
    const words = text();
    if (words !== null) word(words, x + radius_m + 0.006, y, "left", "#ffe2a6");
  }
}

function rectangle({ context, at }: Pen, from_mm: Vec3, to_mm: Vec3, dashes: number[]): void {
  const [[x1, y1], [x2, y2]] = [at(from_mm), at(to_mm)];
  context.setLineDash(dashes);
  stroke(context, COLOURS.mark, 0.0015, () => context.rect(Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1)));
  context.setLineDash([]);
}

function boxes(pen: Pen, desk: Desk, answer: Answer | null): void {
  const { rubber } = desk;
  if (rubber?.kind === "box" && rubber.volume === pen.cut.volume) rectangle(pen, rubber.from_mm, rubber.to_mm, [0.004, 0.003]);
  if (answer?.kind !== "box") return;
  const [from, to] = boxCorners_mm(pen.node, answer);
  if (isBetween(pen.cut, from, to)) rectangle(pen, from, to, []);
}

/** A tool's path, laid or recorded: near the slice strong, beside it faint. */
function path(pen: Pen, task: TaskView, answer: Answer | null): void {
  if (task.kind !== "guide") return;
  const points = (task.path.length > 0 ? task.path : answer?.kind === "guide" ? answer.path : []).map(([, ...at_mm]): Vec3 => at_mm);
  const { context } = pen;
  points.slice(1).forEach((point, index) => {
    const isNear = Math.min(off_mm(pen.cut, point), off_mm(pen.cut, points[index]!)) <= pen.near;
    context.globalAlpha = isNear ? 1 : 0.3;
    stroke(context, COLOURS.path, 0.0015, () => {
      context.moveTo(...(pen.at(points[index]!) as [number, number]));
      context.lineTo(...(pen.at(point) as [number, number]));
    });
  });
  context.globalAlpha = 1;
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return;
  const isRecorded = task.path.length > 0;
  for (const [point, text] of [[first, isRecorded ? "enters" : "entry"], [last, isRecorded ? "ends" : "target"]] as const) {
    if (point === last && last === first && text !== (isRecorded ? "enters" : "entry")) continue;
    const [x, y] = pen.at(point);
    stroke(context, COLOURS.path, 0.002, () => context.arc(x, y, 0.003, 0, 2 * Math.PI));
    pen.word(text, x + 0.008, y - 0.006, "left", "#dcc9ff");
  }
}

function marks(pen: Pen, desk: Desk, list: readonly { readonly id: string; readonly at_mm: Vec3 }[]): void {
  list.forEach((mark, index) => {
    const off = off_mm(pen.cut, mark.at_mm);
    if (off > pen.near) return;
    const isOn = off <= pen.step / 2 + 1e-3;
    const isChosen = mark.id === desk.mark;
    ring(pen, mark.at_mm, isOn ? MARK_M : 0.7 * MARK_M, isChosen ? "#ffffff" : COLOURS.mark, isChosen ? 0.002 : 0.0015, isOn ? [] : [0.003, 0.003]);
    const [x, y] = pen.at(mark.at_mm);
    if (isOn) pen.word(String(index + 1), x + MARK_M, y - MARK_M, "left", "#ffe2a6");
  });
}

function truth(pen: Pen, desk: Desk): void {
  for (const finding of desk.told?.findings ?? []) {
    const off = off_mm(pen.cut, finding.at_mm);
    if (finding.volume !== pen.cut.volume || off > finding.radius_mm + pen.step) continue;
    const isFound = finding.became === "found";
    const here_mm = Math.sqrt(Math.max(finding.radius_mm ** 2 - off ** 2, (finding.radius_mm * 0.4) ** 2));
    const radius_m = here_mm / pen.mmPerMetre + 0.004;
    ring(pen, finding.at_mm, radius_m, isFound ? COLOURS.found : COLOURS.missed, finding.id === desk.shown ? 0.0024 : 0.0016, isFound ? [] : [0.006, 0.004]);
    const [x, y] = pen.at(finding.at_mm);
    pen.word(`${isFound ? "✓ " : ""}${finding.name}`, x, y - radius_m - 0.005, "center", isFound ? "#a8e8f1" : "#ffdc9a");
  }
  for (const mark of desk.told?.marks ?? []) {
    if (off_mm(pen.cut, mark.at_mm) > pen.near) continue;
    const [x, y] = pen.at(mark.at_mm);
    const arm = 0.005;
    stroke(pen.context, mark.became === "false" ? "#d6dde2" : "#a8e8f1", 0.0014, () => {
      if (mark.became === "false") {
        pen.context.moveTo(x - arm, y - arm);
        pen.context.lineTo(x + arm, y + arm);
        pen.context.moveTo(x + arm, y - arm);
        pen.context.lineTo(x - arm, y + arm);
      } else {
        pen.context.moveTo(x - arm, y);
        pen.context.lineTo(x + arm, y);
        pen.context.moveTo(x, y - arm);
        pen.context.lineTo(x, y + arm);
      }
    });
  }
}

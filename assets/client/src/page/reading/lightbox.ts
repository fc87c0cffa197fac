// The wall of panes: each a canvas with a slice or a slab, drawn again only where something changed.

import { createHands } from "./pane_hands";
import { createOverlay, drawOverlay } from "./overlay";
import { element, setText } from "../element";
import { icon } from "../icon";
import type { Vec3 } from "../../model/affine";
import { dot, letters, minus, normalOf, plus, position, type Cut } from "../../model/reading/cut";
import { gridOf } from "../../model/reading/hanging";
import { nodeOf, type Desk, type Study } from "../../model/reading/state";
import { sampleOfValue } from "../../model/scene";
import type { ReadingDesk } from "../../reading/desk";
import { cutPicture } from "../../slices/cut_picture";
import type { Picture } from "../../slices/picture";
import { reslice, type Voxels } from "../../slices/reslice";
import { projectSlab } from "../../slices/slab";

/** Scale bars of round length; the longest that fits a third of the pane is taken. */
const SCALES_MM = [200, 100, 50, 20, 10, 5, 2, 1];
/** Painted voxels, over the grey. */
const PAINT = [240, 178, 62, 120] as const;
const PALETTE = new Uint8Array(1024);
PALETTE.set(PAINT, 4);

const PLANE_NAMES = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" } as const;

export class Lightbox {
  readonly element = element("div", { class: "wall" });
  private readonly panes: PaneView[] = [];
  private asked = false;

  constructor(
    private readonly desk: ReadingDesk,
    private readonly voxels: (volume: string) => Voxels | null,
  ) {
    desk.store.watch((state) => state.cuts, () => this.draw());
    for (const part of ["studies", "work", "crosshair_mm", "rulers", "regions", "rubber", "told", "shown", "mark", "task", "active", "filled", "tool", "phase", "is3d"] as const) desk.store.watch((state) => state[part], () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Voxels of a study changed. */
  refresh(volume: string): void {
    this.panes.forEach((pane, index) => {
      if (this.desk.store.get().cuts[index]?.volume === volume) pane.isStale = true;
    });
    this.draw();
  }

  /** Draws with the next frame. */
  draw(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.drawNow();
    });
  }

  private drawNow(): void {
    if (this.desk.isInHeadset) return;
    const state = this.desk.store.get();
    while (this.panes.length < state.cuts.length) {
      const pane = new PaneView(this.panes.length, this.desk);
      this.panes.push(pane);
      this.element.append(pane.element);
    }
    const isRead = state.phase === "reading" || state.phase === "feedback";
    this.panes.forEach((pane, index) => {
      const isSeen = isRead && index < state.cuts.length && (state.filled === null || state.filled === index);
      pane.element.hidden = !isSeen;
      if (!isSeen) this.desk.shown(index, null);
    });
    const { columns, rows, places } = gridOf(state.filled === null ? state.cuts.length : 1);
    this.element.style.gridTemplate = `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))`;
    this.panes.forEach(({ element: pane }, index) => {
      const place = places[state.filled === null ? index : 0];
      if (place) pane.style.gridArea = `${place.row + 1} / ${place.column + 1} / span ${place.span} / span ${place.span}`;
    });
    if (!isRead) return;
    state.cuts.forEach((cut, index) => {
      const pane = this.panes[index]!;
      if (!pane.element.hidden) pane.draw(state, cut, this.voxels(cut.volume));
    });
  }
}

class PaneView {
  readonly element: HTMLElement;
  isStale = true;
  private readonly canvas = element("canvas", { class: "slice", "aria-hidden": "true" });
  private readonly overlay = createOverlay();
  private readonly name = element("span", { class: "pane-name" });
  private readonly corner = element("span", { class: "corner figure" });
  private readonly windowText = element("span", { class: "window-text figure" });
  private readonly scale = element("span", { class: "scale", "aria-hidden": "true" });
  private readonly note = element("span", { class: "pane-note", role: "status" });
  private readonly sides = { left: side("left"), right: side("right"), top: side("top"), bottom: side("bottom") };
  private readonly body: HTMLElement;
  private drawn = "";
  private picture: Picture | null = null;

  constructor(
    private readonly index: number,
    private readonly desk: ReadingDesk,
  ) {
    this.body = element("div", { class: "pane-body", tabindex: 0, role: "slider", "aria-orientation": "vertical", "data-pane": index }, this.canvas, this.overlay, ...Object.values(this.sides), this.scale, this.note, this.windowText);
    const fill = element("button", { class: "quiet fill", type: "button", title: "One pane alone, or all again (double-click)", onclick: () => this.toggleFill() }, icon("fill"));
    this.element = element("section", { class: "pane" }, this.body, element("div", { class: "pane-head" }, this.name, this.corner, fill));
    createHands(this.body, index, desk, (event) => {
      const box = this.body.getBoundingClientRect();
      return this.picture?.toPatient(event.clientX - box.left, event.clientY - box.top) ?? null;
    }, () => this.picture, () => this.toggleFill());
  }

  private toggleFill(): void {
    this.desk.fill(this.desk.store.get().filled === null ? this.index : null);
  }

  draw(state: Desk, cut: Cut, voxels: Voxels | null): void {
    const node = nodeOf(state, cut.volume);
    const study = state.studies[cut.volume];
    const [width, height] = [this.body.clientWidth, this.body.clientHeight];
    this.element.classList.toggle("active", state.active === this.index);
    this.body.dataset["tool"] = state.tool;
    const title = state.reading?.case.volumes.find(({ id }) => id === cut.volume)?.title ?? "";
    setText(this.name, `${title} · ${cut.plane ? PLANE_NAMES[cut.plane] : "Oblique"}`);
    setText(this.note, study ? studyWords(study) : "");
    if (node === null || voxels === null || width === 0 || height === 0) return;
    this.picture = cutPicture(node, cut, width, height);
    this.drawSlice(cut, voxels, width, height);
    drawOverlay(this.overlay, state, cut, this.picture, (each) => this.desk.regionText(each));
    this.drawWords(state, cut, this.picture, width);
    const centre = this.picture.toPatient(width / 2, height / 2);
    this.desk.shown(this.index, study?.state === "ready" ? {
      volume: cut.volume,
      centre_mm: centre,
      right_mm: minus(this.picture.toPatient(width, height / 2), centre),
      down_mm: minus(this.picture.toPatient(width / 2, height), centre),
      slab_mm: cut.slab_mm,
      low: cut.window.low,
      high: cut.window.high,
    } : null);
  }

  private drawSlice(cut: Cut, voxels: Voxels, width: number, height: number): void {
    const scale = Math.min(2, window.devicePixelRatio);
    const key = JSON.stringify([cut, width, height, scale]);
    if (key === this.drawn && !this.isStale) return;
    this.drawn = key;
    this.isStale = false;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    const context = this.canvas.getContext("2d")!;
    const image = context.createImageData(w, h);
    const look = { low: sampleOfValue(voxels.node, cut.window.low), high: sampleOfValue(voxels.node, cut.window.high), palette: PALETTE };
    if (cut.slab_mm > 0) projectSlab(voxels, this.picture!, normalOf(cut), cut.slab_mm, scale, look, image.data, w);
    else reslice(voxels, this.picture!, scale, look, image.data, w);
    context.putImageData(image, 0, 0);
  }

  private drawWords(state: Desk, cut: Cut, picture: Picture, width: number): void {
    const node = nodeOf(state, cut.volume)!;
    const { index, count } = position(node, cut);
    setText(this.corner, `${index} / ${count}${cut.slab_mm > 0 ? ` · MIP ${cut.slab_mm} mm` : ""}`);
    const { low, high } = cut.window;
    setText(this.windowText, `W ${Math.round(high - low)}  L ${Math.round((high + low) / 2)}`);
    for (const [which, letter] of Object.entries(letters(cut))) setText(this.sides[which as keyof typeof this.sides], letter);
    const length = SCALES_MM.find((mm) => mm * picture.pixelsPerMm < width / 3) ?? 1;
    this.scale.style.width = `${length * picture.pixelsPerMm}px`;
    setText(this.scale, length >= 10 ? `${length / 10} cm` : `${length} mm`);
    this.body.classList.add("with-picture");
    this.body.setAttribute("aria-label", this.name.textContent);
    this.body.setAttribute("aria-valuemin", "1");
    this.body.setAttribute("aria-valuemax", String(count));
    this.body.setAttribute("aria-valuenow", String(index));
    this.body.setAttribute("aria-valuetext", `slice ${index} of ${count}`);
  }

}

function side(name: string): HTMLElement {
  return element("span", { class: `edge ${name}`, "aria-hidden": "true" });
}

function studyWords({ state, fraction }: Study): string {
  if (state === "asked" || state === "making") return "The server makes the images";
  if (state === "loading") return `Bringing the images, ${Math.round(100 * fraction)} %`;
  return state === "failed" ? "These images could not be brought. Reload the page." : "";
}

/** A place of the picture, moved onto the plane of the cut: rounding never takes it off. */
export function onPlane(cut: Cut, at_mm: Vec3): Vec3 {
  const normal = normalOf(cut);
  return plus(at_mm, normal, dot(minus(cut.at_mm, at_mm), normal));
}

// Three linked slices of the study, with what was painted over them, and the tools that paint.

import { AUTHOR_TOOLS, type ToolName } from "./tools";
import { nameOfLesion, type AuthorStore } from "./state";
import type { Vec3 } from "../model/affine";
import { cut_mm, NORMAL_AXIS, sliceStep_mm } from "../model/anatomical";
import { centre_mm, receiveScene, sampleOfValue, volumeOf } from "../model/scene";
import { INITIAL_STATE, PLANES, type AppStore, type Plane } from "../model/state";
import { createStore } from "../model/store";
import { setCursor, setTool } from "../model/view";
import { element } from "../page/element";
import { createSlicePane, type SlicePane } from "../page/slice_pane";
import { panned, zoomed } from "../slices/framing";
import type { Picture } from "../slices/picture";
import { planePicture } from "../slices/plane_picture";
import { MOST_SCALE, reslice, type Look } from "../slices/reslice";
import { extent_mm } from "../three/slice_plane";
import { VoxelLoader } from "../volume/voxel_loader";
import type { MaskBox, PaintAsk } from "../wire/author_messages";
import type { Scene } from "../wire/messages";

/** Findings are amber as tumours are, what only looks like one is blue; the selected one is stronger. */
const COLOURS = { finding: [240, 170, 60], distractor: [120, 170, 255] } as const;
const STRENGTH = { selected: 165, other: 115 };
/** The wheel makes what has just grown larger or smaller, as long as the pointer rests on it. */
const REST_PIXELS = 30;
const NOTCH_PIXELS = 40;

interface Growing {
  readonly pane: Plane;
  readonly at_mm: Vec3;
  readonly x: number;
  readonly y: number;
  readonly movement: string;
  readonly lesion: string;
  notches: number;
}

export interface SliceActions {
  /** The lesion that a tool works on; makes one where none is selected. */
  lesion(): string | null;
  paint(ask: PaintAsk): void;
  point(at_mm: Vec3): void;
}

export class Slices {
  readonly element: HTMLElement;
  readonly view: AppStore = createStore(INITIAL_STATE);
  private readonly panes: readonly SlicePane[];
  private readonly pictures = new Map<Plane, Picture>();
  private readonly chip = element("div", { class: "grow-chip", hidden: true, role: "group", "aria-label": "How much grows" });
  private loader: VoxelLoader | null = null;
  private growing: Growing | null = null;
  private zoom = 1;
  private focus: Vec3 | null = null;
  private drawing = false;
  private glided = 0;

  constructor(private readonly store: AuthorStore, private readonly actions: SliceActions) {
    const zoom = { by: (factor: number, at: Vec3) => this.zoomBy(factor, at), pan: (from: Vec3, to: Vec3) => this.panBy(from, to) };
    this.panes = PLANES.map((plane) => createSlicePane(this.view, createStore(null), plane, zoom, {
      paint: (points, movement) => this.stroke(plane, points, movement),
      threshold: () => undefined,
    }));
    this.element = element("div", { class: "author-slices", role: "region", "aria-label": "Slices" }, ...this.panes.map((pane) => pane.frame.element));
    this.panes[0]!.frame.element.append(this.chip);
    for (const pane of this.panes) {
      new ResizeObserver(() => this.draw()).observe(pane.frame.body);
      this.wire(pane);
    }
    this.view.watch((s) => s.view, () => this.draw());
    this.view.watch((s) => s.volume, () => this.draw());
    this.view.watch((s) => s.rubber_mm, () => this.redraw());
    this.view.watch((s) => s.view.filled, (filled) => this.element.classList.toggle("one", filled !== null));
    for (const part of ["lesions", "selected", "draft"] as const) store.watch((s) => s[part], () => this.draw());
    store.watch((s) => s.tool, (tool) => {
      this.view.update((s) => setTool(s, AUTHOR_TOOLS[tool].hand));
      this.element.dataset["tool"] = tool;
      if (tool !== "grow") this.endGrowing();
    });
    store.watch((s) => s.selected, (selected) => {
      if (this.growing !== null && !(selected.place === "lesion" && selected.id === this.growing.lesion)) this.endGrowing();
    });
    store.watch((s) => s.scene, (scene) => this.open(scene));
  }

  /** Labels of a box are others now. */
  setBox(box: MaskBox): void {
    const voxels = this.loader?.voxels;
    if (voxels === undefined) return;
    const [ni, nj] = voxels.node.shape;
    const [bi, bj] = box.shape;
    let at = 0;
    for (const [label, count] of box.runs) {
      for (let left = count; left > 0;) {
        const i = at % bi;
        const row = Math.floor(at / bi);
        const size = Math.min(left, bi - i);
        const start = ((box.low[2] + Math.floor(row / bj)) * nj + box.low[1] + (row % bj)) * ni + box.low[0] + i;
        voxels.labels.fill(label, start, start + size);
        at += size;
        left -= size;
      }
    }
    this.draw();
  }

  /** Brings the slices to a place. */
  goTo(at_mm: Vec3): void {
    this.view.update((s) => setCursor(s, at_mm));
  }

  /** Makes what has just grown larger or smaller. Whether there was anything. */
  regrow(notches: number): boolean {
    const now = this.growing;
    if (now === null) return false;
    now.notches += notches;
    this.actions.paint({ lesion: now.lesion, tool: "grow", movement: now.movement, points_mm: [[...now.at_mm]], radius_mm: 5, notches: now.notches, plane: null, keep_like: false });
    this.showChip();
    return true;
  }

  endGrowing(): void {
    this.growing = null;
    this.chip.hidden = true;
  }

  get cursor(): Vec3 | null {
    return this.view.get().view.cursor_mm;
  }

  private open(scene: Scene | null): void {
    this.loader?.dispose();
    this.loader = null;
    this.view.update((s) => receiveScene(s, scene));
    const node = volumeOf(scene);
    if (node === undefined) return;
    const set = (state: "loading" | "ready" | "failed", fraction: number, note: string | null): void =>
      this.view.update((s) => ({ ...s, volume: { state, fraction, note } }));
    set("loading", 0, null);
    this.loader = new VoxelLoader(node, {
      arrived: (fraction) => {
        set(fraction < 1 ? "loading" : "ready", fraction, null);
        this.store.update((s) => ({ ...s, arrived: fraction }));
        this.draw();
      },
      failed: () => set("failed", 0, "The slices could not be brought. Reload the page to try again."),
    });
    this.zoom = 1;
    this.focus = centre_mm(node);
    this.draw();
  }

  private stroke(plane: Plane, points: readonly Vec3[], movement: string): void {
    const lesion = this.actions.lesion();
    const { tool, keepLike, flat } = this.store.get();
    if (lesion === null) return;
    const ask = { lesion, tool: tool === "eraser" ? "eraser" : "brush", movement, radius_mm: this.view.get().view.radius_mm, notches: 0 } as const;
    this.actions.paint({ ...ask, points_mm: points.map(([x, y, z]) => [x, y, z]), plane: flat ? NORMAL_AXIS[plane] : null, keep_like: keepLike && tool === "brush" });
  }

  private wire(pane: SlicePane): void {
    const { body } = pane.frame;
    body.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.altKey || event.ctrlKey || event.pointerType === "touch") return;
      this.press(pane, event);
    }, { capture: true });
    body.addEventListener("wheel", (event) => {
      const now = this.growing;
      const box = body.getBoundingClientRect();
      const isOn = now?.pane === pane.plane && Math.hypot(event.clientX - box.left - now.x, event.clientY - box.top - now.y) < REST_PIXELS;
      if (!isOn || event.ctrlKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const notch = event.deltaMode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(event.deltaY) >= NOTCH_PIXELS;
      const steps = notch ? Math.sign(event.deltaY) : Math.trunc((this.glided + event.deltaY) / NOTCH_PIXELS);
      this.glided = notch ? 0 : this.glided + event.deltaY - steps * NOTCH_PIXELS;
      if (steps !== 0) this.regrow(-steps);
    }, { capture: true, passive: false });
  }

  private press(pane: SlicePane, event: PointerEvent): void {
    const { tool } = this.store.get();
    if (tool !== "grow" && tool !== "point") return;
    const picture = this.pictures.get(pane.plane);
    const volume = volumeOf(this.view.get().scene);
    const cursor = this.cursor;
    if (picture === undefined || volume === undefined || cursor === null) return;
    const box = pane.frame.body.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const at = [...picture.toPatient(x, y)];
    at[NORMAL_AXIS[pane.plane]] = cut_mm(volume.patient_from_voxel, cursor)[NORMAL_AXIS[pane.plane]];
    const at_mm = at as unknown as Vec3;
    if (tool === "point") {
      this.actions.point(at_mm);
      return;
    }
    const lesion = this.actions.lesion();
    if (lesion === null) return;
    this.growing = { pane: pane.plane, at_mm, x, y, movement: crypto.randomUUID(), lesion, notches: 0 };
    pane.frame.element.append(this.chip);
    this.regrow(0);
  }

  private showChip(): void {
    const now = this.growing;
    if (now === null) return;
    const button = (text: string, label: string, act: () => void): HTMLElement => element("button", { class: "quiet", type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.chip.replaceChildren(
      button("−", "Smaller ([)", () => this.regrow(-1)),
      element("span", {}, "Scroll: larger or smaller"),
      button("+", "Larger (])", () => this.regrow(1)),
      button("✓", "It fits (Enter)", () => this.endGrowing()),
    );
    const pane = this.panes.find(({ plane }) => plane === now.pane)!.frame.body;
    this.chip.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.chip;
    this.chip.style.left = `${Math.max(6, Math.min(now.x - width / 2, pane.clientWidth - width - 6))}px`;
    this.chip.style.top = `${now.y + 46 + height > pane.clientHeight ? now.y - 46 - height : now.y + 46}px`;
  }

  draw(): void {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      for (const pane of this.panes) this.drawPane(pane);
    });
  }

  private redraw(): void {
    for (const pane of this.panes) {
      pane.redraw();
      this.tag(pane);
    }
  }

  private drawPane(pane: SlicePane): void {
    const { clientWidth: width, clientHeight: height } = pane.frame.body;
    const { cursor_mm, window: display } = this.view.get().view;
    const voxels = this.loader?.voxels;
    if (!voxels || !this.focus || !cursor_mm || !display || width === 0 || height === 0) {
      pane.canvas.width = pane.canvas.height = 1;
      this.pictures.delete(pane.plane);
      pane.draw(null);
      return;
    }
    const { node } = voxels;
    const picture = planePicture(pane.plane, { width, height, extent_mm: extent_mm(node), cursor_mm: cut_mm(node.patient_from_voxel, cursor_mm), focus_mm: this.focus, zoom: this.zoom });
    this.pictures.set(pane.plane, picture);
    const scale = Math.min(MOST_SCALE, devicePixelRatio);
    pane.canvas.width = Math.round(width * scale);
    pane.canvas.height = Math.round(height * scale);
    const context = pane.canvas.getContext("2d");
    if (context === null) return;
    const image = context.createImageData(pane.canvas.width, pane.canvas.height);
    const look: Look = { low: sampleOfValue(node, display.low), high: sampleOfValue(node, display.high), palette: this.palette() };
    reslice(voxels, picture, scale, look, image.data, pane.canvas.width);
    context.putImageData(image, 0, 0);
    pane.draw(picture);
    this.tag(pane);
  }

  private palette(): Uint8Array {
    const palette = new Uint8Array(256 * 4);
    const { draft, selected } = this.store.get();
    for (const { id, label, role } of draft?.lesions ?? []) {
      const isSelected = selected.place === "lesion" && selected.id === id;
      palette.set([...COLOURS[role], isSelected ? STRENGTH.selected : STRENGTH.other], label * 4);
    }
    return palette;
  }

  /** Names of lesions beside them, where the slice cuts them; what only looks like one has its name in brackets. */
  private tag(pane: SlicePane): void {
    pane.frame.body.querySelectorAll(".lesion-tag, .lesion-point").forEach((node) => node.remove());
    const picture = this.pictures.get(pane.plane);
    const volume = volumeOf(this.view.get().scene);
    const { draft, lesions } = this.store.get();
    const cursor = this.cursor;
    if (!picture || !volume || !draft || !cursor) return;
    const axis = NORMAL_AXIS[pane.plane];
    const step = sliceStep_mm(volume.patient_from_voxel, pane.plane);
    for (const lesion of draft.lesions) {
      const painted = lesions.find(({ id }) => id === lesion.id);
      const at = painted?.middle_mm ?? lesion.at_mm;
      if (!at) continue;
      const reach = painted ? painted.diameter_mm / 2 : lesion.radius_mm;
      if (Math.abs(at[axis] - cursor[axis]) > Math.max(reach, step)) continue;
      const [x, y] = picture.toPixel(at);
      const away = reach * picture.pixelsPerMm;
      const text = lesion.role === "finding" ? nameOfLesion(lesion) : `(${nameOfLesion(lesion)})`;
      const tag = element("span", { class: `lesion-tag ${lesion.role}`, "aria-hidden": "true" }, text);
      tag.style.left = `${x + away * 0.8 + 8}px`;
      tag.style.top = `${y - away * 0.8 - 20}px`;
      pane.frame.body.append(tag);
      if (painted) continue;
      const ring = element("span", { class: "lesion-point", "aria-hidden": "true" });
      ring.style.cssText = `left:${x - away}px;top:${y - away}px;width:${2 * away}px;height:${2 * away}px`;
      pane.frame.body.append(ring);
    }
  }

  private zoomBy(factor: number, at: Vec3): void {
    if (this.focus === null) return;
    ({ zoom: this.zoom, focus: this.focus } = zoomed({ zoom: this.zoom, focus: this.focus }, factor, at));
    this.draw();
  }

  private panBy(from: Vec3, to: Vec3): void {
    if (this.focus === null) return;
    this.focus = panned(this.focus, from, to);
    this.draw();
  }
}

export type { ToolName };

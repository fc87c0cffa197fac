// The grid in the middle: 3-D and three linked slices, any of which can fill it.

import * as THREE from "three";

import type { Actions } from "./actions";
import { createCompass } from "./compass";
import { element, setText } from "./element";
import { createMarks } from "./marks";
import { createPane, type PaneFrame } from "./pane";
import { createSlicePane, type SlicePane } from "./slice_pane";
import type { Vec3 } from "../model/affine";
import { centre_mm, volumeOf } from "../model/scene";
import { PLANES, type AppStore, type Plane } from "../model/state";
import { surfaces } from "../model/structures";
import { placePoint, select, setCursor, voxelError_mm } from "../model/view";
import type { LabelLook, NiivueSlices, Place } from "../slices/niivue_slices";
import type { Image } from "../slices/nifti";
import type { Picture } from "../slices/picture";
import type { Hit } from "../three/anatomy";
import type { PageStage } from "../three/stage";

/** How strongly structures tint the slices: seen, without hiding the grey beneath. */
export const LABEL_STRENGTH = 0.35;

export interface Viewports {
  readonly element: HTMLElement;
  readonly pane3d: HTMLElement;
  /** Gives the slices their voxels; NiiVue is fetched on the first call. */
  showImage(image: Image): Promise<void>;
  showLabels(image: Image): Promise<void>;
  clear(): void;
  resetZoom(): void;
}

export class Grid implements Viewports {
  readonly element: HTMLElement;
  readonly pane3d: HTMLElement;
  private readonly frame3d: PaneFrame;
  private canvas = element("canvas", { class: "slices", "aria-hidden": "true" });
  private readonly panes: readonly SlicePane[];
  private slices: Promise<NiivueSlices> | null = null;
  private drawn: NiivueSlices | null = null;
  private generation = 0;
  private hasImage = false;
  private zoom = 1;
  private focus: Vec3 | null = null;

  constructor(private readonly store: AppStore) {
    this.frame3d = createPane(store, "3d", { role: "application", "aria-label": "3-D view. Arrow keys turn, plus and minus zoom." });
    this.pane3d = this.frame3d.body;
    const zoom = { by: (factor: number, at: Vec3) => this.zoomBy(factor, at), pan: (from: Vec3, to: Vec3) => this.panBy(from, to) };
    this.panes = PLANES.map((plane) => createSlicePane(store, plane, zoom));
    this.element = element("main", { class: "grid", "aria-label": "Views" }, this.canvas, this.frame3d.element, ...this.panes.map((pane) => pane.frame.element));
    new ResizeObserver(() => this.place()).observe(this.element);
    store.watch((s) => s.view.filled, (filled) => {
      this.element.classList.toggle("one", filled !== null);
      requestAnimationFrame(() => this.place());
    });
    store.watch((s) => s.view.cursor_mm, (cursor) => {
      if (cursor && this.hasImage) this.drawn?.setCursor(cursor);
      this.draw();
    });
    store.watch((s) => s.view.window, (window) => window && this.drawn?.setWindow(window));
    store.watch((s) => s.measurements, () => this.draw());
    store.watch((s) => s.selection, () => this.draw());
    store.watch((s) => s.view.pending_mm, () => this.draw());
    store.watch((s) => s.volume, () => this.draw());
    for (const part of [(): unknown => store.get().structures, (): unknown => store.get().solo, (): unknown => store.get().view.labelsOnSlices]) {
      store.watch(part, () => this.paintLabels());
    }
  }

  /** Wires the stage into its pane, once it exists. */
  attach(stage: PageStage, actions: Actions): void {
    wireStage(this.frame3d, stage, this.store, actions);
    new ResizeObserver(() => stage.resize()).observe(this.pane3d);
  }

  async showImage(image: Image): Promise<void> {
    const generation = this.generation;
    this.slices ??= import("../slices/niivue_slices").then((module) => module.NiivueSlices.create(this.canvas));
    const slices = await this.slices;
    const { window, cursor_mm } = this.store.get().view;
    if (generation !== this.generation || window === null || cursor_mm === null) return;
    this.drawn = slices;
    await slices.setImage(image, window);
    this.hasImage = true;
    this.resetZoom();
    this.place();
    slices.setCursor(cursor_mm);
    this.draw();
  }

  async showLabels(image: Image): Promise<void> {
    const generation = this.generation;
    const slices = await this.slices;
    if (!slices || generation !== this.generation) return;
    await slices.setLabels(image, this.looks(), this.strength());
    slices.setCursor(this.store.get().view.cursor_mm ?? [0, 0, 0]);
  }

  /** Another scene: the old canvas goes with all its voxels. */
  clear(): void {
    this.generation += 1;
    void this.slices?.then((slices) => slices.dispose());
    this.slices = this.drawn = null;
    this.hasImage = false;
    const canvas = element("canvas", { class: "slices", "aria-hidden": "true" });
    this.canvas.replaceWith(canvas);
    this.canvas = canvas;
    this.draw();
  }

  resetZoom(): void {
    const volume = volumeOf(this.store.get().scene);
    this.zoom = 1;
    this.focus = volume ? centre_mm(volume) : null;
    this.applyZoom();
  }

  private zoomBy(factor: number, at: Vec3): void {
    if (this.focus === null) return;
    const next = Math.min(12, Math.max(1, this.zoom * factor));
    // The point under the pointer stays where it is.
    const keep = this.zoom / next;
    this.focus = this.focus.map((f, axis) => at[axis]! + (f - at[axis]!) * keep) as unknown as Vec3;
    this.zoom = next;
    this.applyZoom();
  }

  private panBy(from: Vec3, to: Vec3): void {
    if (this.focus === null) return;
    this.focus = this.focus.map((f, axis) => f - (to[axis]! - from[axis]!)) as unknown as Vec3;
    this.applyZoom();
  }

  private applyZoom(): void {
    const volume = volumeOf(this.store.get().scene);
    if (!volume || this.focus === null) return;
    const centre = centre_mm(volume);
    const offset = centre.map((c, axis) => c - this.focus![axis]! * this.zoom) as unknown as Vec3;
    // At rest nothing is shifted: the whole volume is centred in its pane.
    this.drawn?.setZoom(this.zoom, this.zoom === 1 ? centre.map((c, axis) => c - this.focus![axis]!) as unknown as Vec3 : offset);
    this.draw();
  }

  private place(): void {
    const whole = this.element.getBoundingClientRect();
    if (whole.width === 0 || !this.hasImage) return;
    const places = new Map<Plane, Place>();
    for (const { plane, frame } of this.panes) {
      const box = frame.body.getBoundingClientRect();
      if (box.width === 0) continue;
      places.set(plane, [(box.left - whole.left) / whole.width, (box.top - whole.top) / whole.height, box.width / whole.width, box.height / whole.height]);
    }
    this.drawn?.setPlaces(places);
    this.draw();
  }

  /** Marks over every slice, from the picture as NiiVue drew it. */
  private draw(): void {
    const whole = this.element.getBoundingClientRect();
    for (const pane of this.panes) {
      const picture = this.hasImage ? (this.drawn?.picture(pane.plane) ?? null) : null;
      const box = pane.frame.body.getBoundingClientRect();
      pane.draw(picture && box.width > 0 ? shifted(picture, box.left - whole.left, box.top - whole.top) : null);
    }
  }

  private looks(): LabelLook[] {
    const { scene, structures, solo } = this.store.get();
    return surfaces(scene).flatMap((node) => {
      const { key, label } = node.structure;
      const view = structures[key];
      return view ? [{ ...view, label, visible: solo === null ? view.visible : solo === key }] : [];
    });
  }

  private strength(): number {
    return this.store.get().view.labelsOnSlices ? LABEL_STRENGTH : 0;
  }

  private paintLabels(): void {
    if (this.hasImage) this.drawn?.paintLabels(this.looks(), this.strength());
  }
}

/** A picture of the whole canvas, in the pixels of a pane at (left, top). */
function shifted(picture: Picture, left: number, top: number): Picture {
  return {
    pixelsPerMm: picture.pixelsPerMm,
    toPatient: (x, y) => picture.toPatient(x + left, y + top),
    toPixel: (at) => {
      const [x, y] = picture.toPixel(at);
      return [x - left, y - top];
    },
  };
}

function wireStage(frame: PaneFrame, stage: PageStage, store: AppStore, actions: Actions): void {
  const marks = createMarks();
  const patientFromHeadset = new THREE.Matrix4();
  frame.body.append(marks.svg, createCompass(stage, actions));
  wirePicking(frame.body, stage, store);
  wireTurning(frame.body, stage);
  store.watch((s) => s.drawn, (drawn) => {
    const waiting = drawn.total - drawn.ready - drawn.failed;
    const missing = drawn.failed > 0 ? `${drawn.failed} could not be drawn` : "";
    setText(frame.corner, waiting > 0 ? `Drawing ${drawn.ready} of ${drawn.total}` : missing);
  });
  const point = new THREE.Vector3();
  const project = (at: Vec3): readonly [number, number] | null => {
    point.set(...at).applyMatrix4(stage.headsetFromPatient).applyMatrix4(stage.patient.matrixWorld).project(stage.camera);
    if (point.z > 1) return null;
    return [((point.x + 1) / 2) * frame.body.clientWidth, ((1 - point.y) / 2) * frame.body.clientHeight];
  };
  let had = false;
  stage.onFrame((_time, xr) => {
    const state = store.get();
    const has = state.measurements.length > 0 || state.view.pending_mm !== null;
    if (xr !== null || (!has && !had)) return;
    had = has;
    patientFromHeadset.copy(stage.headsetFromPatient).invert();
    marks.draw(state, project, () => true, false);
  });
}

/** A press that hardly moved: picks a structure, moves the linked cursor there, or places an end of a measurement. */
function wirePicking(body: HTMLElement, stage: PageStage, store: AppStore): void {
  const raycaster = new THREE.Raycaster();
  let down: readonly [number, number] | null = null;
  body.addEventListener("pointerdown", (event) => {
    down = event.button === 0 ? [event.clientX, event.clientY] : null;
  });
  body.addEventListener("pointerup", (event) => {
    if (down === null || Math.hypot(event.clientX - down[0], event.clientY - down[1]) > 4) return;
    if (!(event.target instanceof HTMLCanvasElement)) return;
    const box = body.getBoundingClientRect();
    const at = new THREE.Vector2(((event.clientX - box.left) / box.width) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2);
    raycaster.setFromCamera(at, stage.camera);
    const hit = stage.anatomy.pick(raycaster);
    if (hit) take(hit, stage, store);
    else if (store.get().view.tool === "navigate") store.update((s) => select(s, null));
  });
}

function take(hit: Hit, stage: PageStage, store: AppStore): void {
  const local = stage.patient.worldToLocal(hit.point.clone()).applyMatrix4(stage.headsetFromPatient.clone().invert());
  const at: Vec3 = [local.x, local.y, local.z];
  store.update((state) => {
    if (state.view.tool === "measure") {
      return placePoint(state, at, Math.hypot(voxelError_mm(volumeOf(state.scene)), hit.error_mm), "surface");
    }
    return setCursor(select(state, { kind: "structure", key: hit.key }), at);
  });
}

const TURN_DEG = 10;
const TURNS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-TURN_DEG, 0],
  ArrowRight: [TURN_DEG, 0],
  ArrowUp: [0, -TURN_DEG],
  ArrowDown: [0, TURN_DEG],
};
const ZOOMS: Readonly<Record<string, number>> = { "+": 0.88, "=": 0.88, "-": 1 / 0.88 };

function wireTurning(body: HTMLElement, stage: PageStage): void {
  body.addEventListener("keydown", (event) => {
    const turn = TURNS[event.key];
    const zoom = ZOOMS[event.key];
    if (turn === undefined && zoom === undefined) return;
    event.preventDefault();
    const from = stage.camera.position.clone().sub(stage.controls.target);
    const place = new THREE.Spherical().setFromVector3(from);
    place.theta += THREE.MathUtils.degToRad(turn?.[0] ?? 0);
    place.phi += THREE.MathUtils.degToRad(turn?.[1] ?? 0);
    place.radius *= zoom ?? 1;
    stage.camera.position.setFromSpherical(place.makeSafe()).add(stage.controls.target);
    stage.controls.update();
    stage.invalidate();
  });
}

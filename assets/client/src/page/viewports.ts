// The grid in the middle: 3-D and three linked slices, any of which can fill it.

import * as THREE from "three";

import type { Actions } from "./actions";
import { createCompass } from "./compass";
import { element, setText } from "./element";
import { createMarks } from "./marks";
import { createPane, type PaneFrame } from "./pane";
import type { Strokes } from "../model/hand";
import { createSlicePane, type SlicePane } from "./slice_pane";
import type { Vec3 } from "../model/affine";
import { cut_mm } from "../model/anatomical";
import { centre_mm, sampleOfValue, volumeOf } from "../model/scene";
import type { Sight } from "../model/sight";
import type { Store } from "../model/store";
import { PLANES, type AppStore } from "../model/state";
import { shownViews, surfaces } from "../model/structures";
import { placePoint, select, setCursor, voxelError_mm } from "../model/view";
import { panned, zoomed } from "../slices/framing";
import type { Picture } from "../slices/picture";
import { planePicture } from "../slices/plane_picture";
import { MOST_SCALE, reslice, type Look, type Voxels } from "../slices/reslice";
import { inPatient } from "../three/patient_place";
import type { Hit } from "../three/anatomy";
import { extent_mm } from "../three/slice_plane";
import type { PageStage } from "../three/stage";

/** How strongly structures tint the slices: seen, without hiding the grey beneath. */
const LABEL_STRENGTH = 0.35;

export class Grid {
  readonly element: HTMLElement;
  readonly pane3d: HTMLElement;
  private readonly frame3d: PaneFrame;
  private readonly panes: readonly SlicePane[];
  private voxels: Voxels | null = null;
  private zoom = 1;
  private focus: Vec3 | null = null;
  private actions: Actions | null = null;
  private drawing = false;

  constructor(private readonly store: AppStore, sights: Store<Sight | null>) {
    this.frame3d = createPane(store, "3d", { role: "application", "aria-label": "3-D view. Arrow keys turn, plus and minus zoom." });
    this.pane3d = this.frame3d.body;
    const zoom = { by: (factor: number, at: Vec3) => this.zoomBy(factor, at), pan: (from: Vec3, to: Vec3) => this.panBy(from, to) };
    const strokes: Strokes = { paint: (points, movement) => this.actions?.paint(points, movement), threshold: (from, to) => this.actions?.threshold(from, to) };
    this.panes = PLANES.map((plane) => createSlicePane(store, sights, plane, zoom, strokes));
    this.element = element("main", { class: "grid", "aria-label": "Views" }, this.frame3d.element, ...this.panes.map((pane) => pane.frame.element));
    for (const pane of this.panes) new ResizeObserver(() => this.draw()).observe(pane.frame.body);
    store.watch((s) => s.view.filled, (filled) => this.element.classList.toggle("one", filled !== null));
    store.watch((s) => s.rubber_mm, () => this.drawMarks());
    for (const part of ["view", "measurements", "selection", "volume", "structures", "solo"] as const) {
      store.watch((s) => s[part], () => this.draw());
    }
  }

  /** Wires the stage into its pane, once it exists. */
  attach(stage: PageStage, actions: Actions): void {
    this.actions = actions;
    wireStage(this.frame3d, stage, this.store, actions);
    new ResizeObserver(() => stage.resize()).observe(this.pane3d);
  }

  /** The voxels that slices are cut from; they may still be arriving. */
  setVoxels(voxels: Voxels | null): void {
    this.voxels = voxels;
    this.resetZoom();
  }

  resetZoom(): void {
    this.zoom = 1;
    this.focus = this.voxels ? centre_mm(this.voxels.node) : null;
    this.draw();
  }

  /** Draws every pane in the next frame; asked often, done once. */
  draw(): void {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      for (const pane of this.panes) this.drawPane(pane);
    });
  }

  /** Draws what lies over the slices, and not the slices themselves. */
  private drawMarks(): void {
    for (const pane of this.panes) pane.redraw();
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

  private drawPane(pane: SlicePane): void {
    const { clientWidth: width, clientHeight: height } = pane.frame.body;
    const { cursor_mm, window } = this.store.get().view;
    if (!this.voxels || !this.focus || !cursor_mm || !window || width === 0 || height === 0) {
      pane.canvas.width = pane.canvas.height = 1; // nothing of another scan stays to be read under this one's title
      pane.draw(null);
      return;
    }
    const { node } = this.voxels;
    const sight = { width, height, extent_mm: extent_mm(node), cursor_mm: cut_mm(node.patient_from_voxel, cursor_mm), focus_mm: this.focus, zoom: this.zoom };
    const picture = planePicture(pane.plane, sight);
    this.drawVoxels(pane.canvas, picture, width, height);
    pane.draw(picture);
  }

  private drawVoxels(canvas: HTMLCanvasElement, picture: Picture, width: number, height: number): void {
    const scale = Math.min(MOST_SCALE, devicePixelRatio);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    if (context === null || this.voxels === null) return;
    const image = context.createImageData(canvas.width, canvas.height);
    reslice(this.voxels, picture, scale, this.look(), image.data, canvas.width);
    context.putImageData(image, 0, 0);
  }

  private look(): Look {
    const { scene, structures, solo, view } = this.store.get();
    const node = this.voxels!.node;
    const palette = new Uint8Array(256 * 4);
    const shown = shownViews(structures, solo);
    for (const { structure } of view.labelsOnSlices ? surfaces(scene) : []) {
      const look = shown[structure.key];
      // As faint as in 3-D: a shell round everything must not veil what is read.
      if (look?.visible && structure.label > 0 && structure.label < 256) palette.set([...look.colour, 255 * look.opacity * LABEL_STRENGTH], structure.label * 4);
    }
    return { low: sampleOfValue(node, view.window!.low), high: sampleOfValue(node, view.window!.high), palette };
  }
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
  const at = inPatient(stage.patient, stage.headsetFromPatient, hit.point);
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

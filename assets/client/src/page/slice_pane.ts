// One slice: scroll, point, measure and window it; letters and a scale say where and how large.

import { element, setText } from "./element";
import { createMarks } from "./marks";
import { createPane, type PaneFrame } from "./pane";
import { apply, inverse, type Vec3 } from "../model/affine";
import { EDGES, NORMAL_AXIS, sliceStep_mm } from "../model/anatomical";
import { volumeOf } from "../model/scene";
import type { AppStore, Plane, State } from "../model/state";
import { placePoint, setCursor, setWindow, voxelError_mm } from "../model/view";
import type { Picture } from "../slices/picture";
import { extent_mm } from "../three/slice_plane";

export interface Zoom {
  by(factor: number, at_mm: Vec3): void;
  pan(from_mm: Vec3, to_mm: Vec3): void;
}

export interface SlicePane {
  readonly plane: Plane;
  readonly frame: PaneFrame;
  /** The canvas that the slice is drawn on. */
  readonly canvas: HTMLCanvasElement;
  /** Draws marks, scale and position for the picture as it lies now (pixels of the pane); null while there is none. */
  draw(picture: Picture | null): void;
}

/** Scale bars of round length; the longest that fits a third of the pane is taken. */
const SCALES_MM = [200, 100, 50, 20, 10, 5, 2, 1];

export function createSlicePane(store: AppStore, plane: Plane, zoom: Zoom): SlicePane {
  const frame = createPane(store, plane, { role: "slider", "aria-label": `${plane} slice`, "aria-orientation": "vertical", "data-plane": plane });
  const marks = createMarks();
  const canvas = element("canvas", { class: "slice", "aria-hidden": "true" });
  const letters = Object.entries(EDGES[plane]).map(([side, letter]) => element("span", { class: `edge ${side}`, "aria-hidden": "true" }, letter));
  const scale = element("span", { class: "scale", "aria-hidden": "true" });
  const busy = element("span", { class: "pane-note", role: "status" });
  frame.body.append(canvas, marks.svg, ...letters, scale, busy);
  const axis = NORMAL_AXIS[plane];
  let picture: Picture | null = null;

  const at = (event: PointerEvent | WheelEvent | MouseEvent): Vec3 | null => {
    const box = frame.body.getBoundingClientRect();
    const cursor = store.get().view.cursor_mm;
    if (picture === null || cursor === null) return null;
    const point = [...picture.toPatient(event.clientX - box.left, event.clientY - box.top)];
    point[axis] = cursor[axis];
    return point as unknown as Vec3;
  };

  const scroll = (steps: number): void => {
    const { scene, view } = store.get();
    const volume = volumeOf(scene);
    if (volume === undefined || view.cursor_mm === null) return;
    const next = [...view.cursor_mm];
    next[axis]! += steps * sliceStep_mm(volume.patient_from_voxel, plane);
    store.update((s) => setCursor(s, next as unknown as Vec3));
  };

  wireKeys(frame.body, scroll);
  wireWheel(frame.body, scroll, (factor, event) => {
    const point = at(event);
    if (point) zoom.by(factor, point);
  });
  wireDrag(frame.body, store, at, zoom);

  return {
    plane,
    frame,
    canvas,
    draw(next) {
      picture = next;
      const state = store.get();
      const volume = volumeOf(state.scene);
      setText(busy, volume === undefined ? "" : arrivalText(state.volume));
      frame.body.classList.toggle("with-picture", next !== null);
      if (next === null || volume === undefined || state.view.cursor_mm === null) {
        marks.svg.replaceChildren();
        setText(frame.corner, "");
        return;
      }
      const cursor = state.view.cursor_mm;
      const step = sliceStep_mm(volume.patient_from_voxel, plane);
      marks.draw(state, (p) => next.toPixel(p), (p) => Math.abs(p[axis] - cursor[axis]) <= step, true);
      drawScale(scale, next, frame.body.clientWidth);
      drawPosition(frame, cursor, plane, volume);
    },
  };
}

function arrivalText({ state, fraction, note }: State["volume"]): string {
  if (state === "none") return "Bringing the slices";
  if (state === "loading") return `Bringing the slices, ${Math.round(fraction * 100)} %`;
  return state === "failed" ? (note ?? "") : "";
}

function drawScale(scale: HTMLElement, picture: Picture, width: number): void {
  const length = SCALES_MM.find((mm) => mm * picture.pixelsPerMm < width / 3) ?? 1;
  scale.style.width = `${length * picture.pixelsPerMm}px`;
  setText(scale, length >= 10 ? `${length / 10} cm` : `${length} mm`);
}

function drawPosition(frame: PaneFrame, cursor: Vec3, plane: Plane, volume: Parameters<typeof extent_mm>[0]): void {
  const axis = NORMAL_AXIS[plane];
  const step = sliceStep_mm(volume.patient_from_voxel, plane);
  const [low, high] = extent_mm(volume);
  const count = Math.max(1, Math.round((high[axis] - low[axis]) / step));
  const index = Math.min(count, Math.max(1, Math.round((cursor[axis] - low[axis]) / step + 0.5)));
  setText(frame.corner, `${index} / ${count}`);
  const { body } = frame;
  body.setAttribute("aria-valuemin", "1");
  body.setAttribute("aria-valuemax", String(count));
  body.setAttribute("aria-valuenow", String(index));
  const voxel = apply(inverse(volume.patient_from_voxel), cursor);
  body.setAttribute("aria-valuetext", `slice ${index} of ${count}, voxel ${voxel.map(Math.round).join(" ")}`);
}

const KEY_STEPS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

function wireKeys(body: HTMLElement, scroll: (steps: number) => void): void {
  body.addEventListener("keydown", (event) => {
    const steps = KEY_STEPS[event.key];
    if (steps === undefined) return;
    event.preventDefault();
    scroll(steps);
  });
}

/** A wheel's notch arrives at once, a finger's glide over a trackpad in many small parts: so far for one slice. */
const NOTCH_PIXELS = 50;
const GLIDE_PIXELS = 24;

function wireWheel(body: HTMLElement, scroll: (steps: number) => void, zoom: (factor: number, event: WheelEvent) => void): void {
  let glided = 0;
  body.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (event.ctrlKey) {
        zoom(Math.exp(-event.deltaY / 300), event);
        return;
      }
      const isNotch = event.deltaMode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(event.deltaY) >= NOTCH_PIXELS;
      const steps = isNotch ? Math.sign(event.deltaY) : Math.trunc((glided + event.deltaY) / GLIDE_PIXELS);
      glided = isNotch ? 0 : glided + event.deltaY - steps * GLIDE_PIXELS;
      if (steps !== 0) scroll(-steps);
    },
    { passive: false },
  );
}

type Drag = "cursor" | "window" | "pan";

function dragOf(event: PointerEvent): Drag {
  if (event.button === 1) return "pan";
  return event.button === 2 || event.altKey || event.ctrlKey ? "window" : "cursor";
}

function wireDrag(body: HTMLElement, store: AppStore, at: (event: PointerEvent) => Vec3 | null, zoom: Zoom): void {
  let drag: Drag | null = null;
  let last: Vec3 | null = null;
  body.addEventListener("contextmenu", (event) => event.preventDefault());
  body.addEventListener("pointerdown", (event) => {
    const point = at(event);
    const state = store.get();
    if (point === null) return;
    if (event.button === 0 && state.view.tool === "measure") {
      store.update((s) => placePoint(s, point, voxelError_mm(volumeOf(s.scene)), "slice"));
      return;
    }
    drag = dragOf(event);
    last = point;
    body.setPointerCapture(event.pointerId);
    if (drag === "cursor") store.update((s) => setCursor(s, point));
  });
  body.addEventListener("pointermove", (event) => {
    const point = drag ? at(event) : null;
    if (point === null) return;
    if (drag === "cursor") store.update((s) => setCursor(s, point));
    if (drag === "pan" && last) zoom.pan(last, point);
    if (drag === "window") dragWindow(store, event.movementX, event.movementY, body.clientWidth);
    if (drag !== "pan") last = point;
  });
  const end = (): void => {
    drag = null;
  };
  body.addEventListener("pointerup", end);
  body.addEventListener("pointercancel", end);
}

/** Across widens, down darkens: a pane's width doubles or halves the window. */
function dragWindow(store: AppStore, dx: number, dy: number, size: number): void {
  store.update((state) => {
    const { window } = state.view;
    if (window === null) return state;
    const width = (window.high - window.low) * 2 ** ((2 * dx) / size);
    const level = (window.low + window.high) / 2 + (dy / size) * (window.high - window.low);
    return setWindow(state, level - width / 2, level + width / 2);
  });
}

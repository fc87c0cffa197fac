// One slice: scroll, point, measure and window it; letters and a scale say where and how large.

import { element, setText } from "./element";
import { createGuideMarks } from "./guide_marks";
import { createMarks } from "./marks";
import { createPane, type PaneFrame } from "./pane";
import { apply, inverse, type Vec3 } from "../model/affine";
import { cut_mm, EDGES, isAlongAxes, NORMAL_AXIS, sliceStep_mm } from "../model/anatomical";
import { volumeOf } from "../model/scene";
import type { Sight } from "../model/sight";
import type { Store } from "../model/store";
import type { AppStore, Plane, State } from "../model/state";
import { createHand, type Hand, type Strokes } from "../model/hand";
import { placePoint, setCursor, setWindow, stretch, voxelError_mm } from "../model/view";
import type { Picture } from "../slices/picture";
import { extent_mm } from "../three/slice_plane";
import type { VolumeNode } from "../wire/messages";

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
  /** The same over the picture that was drawn last. */
  redraw(): void;
}

/** Where something is pointed at, in pixels of the window. */
type Place = Pick<MouseEvent, "clientX" | "clientY">;

/** Scale bars of round length; the longest that fits a third of the pane is taken. */
const SCALES_MM = [200, 100, 50, 20, 10, 5, 2, 1];

export function createSlicePane(store: AppStore, sights: Store<Sight | null>, plane: Plane, zoom: Zoom, strokes: Strokes): SlicePane {
  const frame = createPane(store, plane, { role: "slider", "aria-label": `${plane} slice`, "aria-orientation": "vertical", "data-plane": plane });
  const marks = createMarks();
  const guideMarks = createGuideMarks();
  const canvas = element("canvas", { class: "slice", "aria-hidden": "true" });
  const letters = Object.entries(EDGES[plane]).map(([side, letter]) => element("span", { class: `edge ${side}`, "aria-hidden": "true" }, letter));
  const scale = element("span", { class: "scale", "aria-hidden": "true" });
  const note = element("span", { class: "pane-note", role: "status" });
  frame.body.append(canvas, marks.svg, guideMarks.svg, ...letters, scale, note);
  const axis = NORMAL_AXIS[plane];
  let picture: Picture | null = null;

  const at: At = (event) => {
    const box = frame.body.getBoundingClientRect();
    const { scene, view } = store.get();
    const volume = volumeOf(scene);
    if (picture === null || volume === undefined || view.cursor_mm === null) return null;
    const place = [...picture.toPatient(event.clientX - box.left, event.clientY - box.top)];
    place[axis] = cut_mm(volume.patient_from_voxel, view.cursor_mm)[axis];
    return place as unknown as Vec3;
  };

  const scroll = (steps: number): void => {
    const { scene, view } = store.get();
    const volume = volumeOf(scene);
    if (volume === undefined || view.cursor_mm === null) return;
    const next = [...view.cursor_mm];
    next[axis]! += steps * sliceStep_mm(volume.patient_from_voxel, plane);
    store.update((s) => setCursor(s, next as unknown as Vec3));
  };

  const move = (across: number, down: number): void => {
    const { scene, view } = store.get();
    const volume = volumeOf(scene);
    if (picture === null || volume === undefined || view.cursor_mm === null) return;
    const [x, y] = picture.toPixel(view.cursor_mm);
    // A pixel may be less than a voxel, in which the crosshair would stay.
    const far = Math.max(1, Math.max(...volume.spacing_mm) * picture.pixelsPerMm);
    const next = [...picture.toPatient(x + across * far, y + down * far)];
    next[axis] = view.cursor_mm[axis];
    store.update((s) => setCursor(s, next as unknown as Vec3));
  };

  const place = (): void => {
    const { scene, view } = store.get();
    const volume = volumeOf(scene);
    if (view.tool !== "measure" || volume === undefined || view.cursor_mm === null) return;
    const at_mm = [...view.cursor_mm];
    at_mm[axis] = cut_mm(volume.patient_from_voxel, view.cursor_mm)[axis];
    point(store, at_mm as unknown as Vec3);
  };

  wireKeys(frame.body, scroll, move, place);
  wireWheel(frame.body, scroll, (factor, event) => {
    const here = at(event);
    if (here) zoom.by(factor, here);
  });
  const hand = createHand(store, axis, strokes);
  wireDrag(frame.body, store, at, zoom, hand);
  wireFingers(frame.body, store, at, scroll, zoom, hand);

  const drawGuide = (): void => guideMarks.draw(sights.get(), picture, store.get().overlayOn);
  sights.watch((sight) => sight, drawGuide);
  store.watch((s) => s.overlayOn, drawGuide);

  const draw = (next: Picture | null): void => {
    picture = next;
    drawGuide();
    const state = store.get();
    const volume = volumeOf(state.scene);
    setText(note, volume === undefined ? "" : arrivalText(state.volume) || cutText(volume.patient_from_voxel));
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
  };

  return { plane, frame, canvas, draw, redraw: () => draw(picture) };
}

function arrivalText({ state, fraction, note }: State["volume"]): string {
  if (state === "none") return "Bringing the slices";
  if (state === "loading") return `Bringing the slices, ${Math.round(fraction * 100)} %`;
  return state === "failed" ? (note ?? "") : "";
}

/** Cut across the slices that were measured, a picture is made of several of them. */
function cutText(patientFromVoxel: VolumeNode["patient_from_voxel"]): string {
  return isAlongAxes(patientFromVoxel) ? "" : "Reformatted";
}

function drawScale(scale: HTMLElement, picture: Picture, width: number): void {
  const length = SCALES_MM.find((mm) => mm * picture.pixelsPerMm < width / 3) ?? 1;
  scale.style.width = `${length * picture.pixelsPerMm}px`;
  setText(scale, length >= 10 ? `${length / 10} cm` : `${length} mm`);
}

function drawPosition(frame: PaneFrame, cursor: Vec3, plane: Plane, volume: VolumeNode): void {
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

/** Keys of a slice: steps along its normal; far enough for Home and End to reach either end. */
const FAR = 1e6;
const KEY_STEPS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10, Home: -FAR, End: FAR };
/** With Shift: pixels by which the crosshair moves across and down the slice. */
const KEY_MOVES: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function wireKeys(body: HTMLElement, scroll: (steps: number) => void, move: (across: number, down: number) => void, place: () => void): void {
  body.addEventListener("keydown", (event) => {
    const steps = KEY_STEPS[event.key];
    const step = event.shiftKey ? KEY_MOVES[event.key] : undefined;
    if (steps === undefined && event.key !== "Enter") return;
    event.preventDefault();
    if (step) move(...step);
    else if (steps === undefined) place();
    else scroll(steps);
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

type Drag = "cursor" | "window" | "pan" | "correct";

function dragOf(event: PointerEvent): Drag {
  if (event.button === 1) return "pan";
  return event.button === 2 || event.altKey || event.ctrlKey ? "window" : "cursor";
}

type At = (event: Place) => Vec3 | null;

function point(store: AppStore, at_mm: Vec3): void {
  store.update((s) => (s.view.tool === "measure" ? placePoint(s, at_mm, voxelError_mm(volumeOf(s.scene)), "slice") : setCursor(s, at_mm)));
}

function wireDrag(body: HTMLElement, store: AppStore, at: At, zoom: Zoom, hand: Hand): void {
  let drag: Drag | null = null;
  let last: Vec3 | null = null;
  body.addEventListener("contextmenu", (event) => event.preventDefault());
  body.addEventListener("pointerdown", (event) => {
    const here = at(event);
    if (here === null || event.pointerType === "touch") return;
    const { view } = store.get();
    drag = dragOf(event);
    if (drag === "cursor" && hand.begin(here)) drag = "correct";
    else if (event.button === 0) point(store, here);
    if (drag === "cursor" && view.tool === "measure") {
      drag = null;
      return;
    }
    last = here;
    body.setPointerCapture(event.pointerId);
  });
  body.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const here = at(event);
    if (here === null) return;
    if (drag === null || drag === "correct") store.update((s) => stretch(s, here));
    if (drag === "correct") hand.go(here);
    if (drag === "cursor") store.update((s) => setCursor(s, here));
    if (drag === "pan" && last) zoom.pan(last, here);
    if (drag === "window") dragWindow(store, event.movementX, event.movementY, body.clientWidth);
    if (drag !== "pan") last = here;
  });
  const end = (): void => {
    if (drag === "correct") hand.end();
    drag = null;
  };
  body.addEventListener("pointerup", end);
  body.addEventListener("pointercancel", end);
}

/** A finger that moved less than this meant a place; more, the next slices. */
const TAP_PIXELS = 8;
/** A finger's way for one slice. */
const FINGER_PIXELS = 12;

/** One finger points, scrolls or corrects, two zoom and move the picture. */
function wireFingers(body: HTMLElement, store: AppStore, at: At, scroll: (steps: number) => void, zoom: Zoom, hand: Hand): void {
  let corrects = false;
  const fingers = new Map<number, Place>();
  let start: Place | null = null;
  let scrolled = 0;
  const middle = (): Place => {
    const [a, b] = [...fingers.values()];
    return { clientX: (a!.clientX + b!.clientX) / 2, clientY: (a!.clientY + b!.clientY) / 2 };
  };
  const apart = (): number => {
    const [a, b] = [...fingers.values()];
    return Math.max(1, Math.hypot(a!.clientX - b!.clientX, a!.clientY - b!.clientY));
  };
  body.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    body.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    start = fingers.size === 1 ? event : null;
    scrolled = 0;
    const here = at(event);
    if (corrects) hand.end(); // a second finger: what the first has done stays
    corrects = fingers.size === 1 && here !== null && hand.begin(here);
  });
  body.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    if (fingers.size === 2) {
      const [wasMiddle, wasApart] = [at(middle()), apart()];
      fingers.set(event.pointerId, event);
      const here = at(middle());
      if (wasMiddle && here) zoom.pan(wasMiddle, here);
      if (here) zoom.by(apart() / wasApart, here);
      return;
    }
    fingers.set(event.pointerId, event);
    if (start === null) return;
    if (corrects) {
      const here = at(event);
      if (here === null) return;
      store.update((s) => stretch(s, here));
      hand.go(here);
      return;
    }
    const steps = Math.trunc((start.clientY - event.clientY) / FINGER_PIXELS);
    if (steps !== scrolled) scroll(steps - scrolled);
    scrolled = steps;
  });
  const lift = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
    if (corrects) {
      hand.end();
      corrects = false;
      start = null;
      return;
    }
    const hasMoved = start === null || Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > TAP_PIXELS;
    const here = at(event);
    if (event.type === "pointerup" && event.pointerType === "touch" && !hasMoved && here) point(store, here);
    start = null;
  };
  body.addEventListener("pointerup", lift);
  body.addEventListener("pointercancel", lift);
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

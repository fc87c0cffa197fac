// What mouse, pen, fingers and keys do on a pane.

import { distance, type Vec3 } from "../../model/affine";
import { minus } from "../../model/reading/cut";
import { taskOf, type Tool } from "../../model/reading/state";
import { workOf } from "../../model/reading/work";
import type { ReadingDesk } from "../../reading/desk";
import type { Picture } from "../../slices/picture";

type Place = Pick<MouseEvent, "clientX" | "clientY">;

/** A press that moved less than this meant a place; more, a drag. */
const TAP_PIXELS = 5;
/** A drag's way for one slice. */
const SCROLL_PIXELS = 8;
/** A wheel's notch arrives at once, a finger's glide over a trackpad in many small parts: so far for one slice. */
const NOTCH_PIXELS = 50;
const GLIDE_PIXELS = 24;
/** A whole pane's width turns the plane so far. */
const TILT_RADIANS = Math.PI / 2;
const FAR = 1e6;
const KEY_STEPS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -FAR, End: FAR };

interface Drag {
  readonly tool: Tool | "scroll";
  readonly from: Place;
  readonly from_mm: Vec3;
  last: Place;
  last_mm: Vec3;
  scrolled: number;
  moved: boolean;
  /** Mark that is being moved. */
  readonly mark: string | null;
}

/** What a drag does with each tool: those that place something by a press scroll when dragged. */
const DRAGS: Record<Tool, Drag["tool"]> = { mark: "scroll", point: "scroll", path: "scroll", window: "window", pan: "pan", measure: "measure", tilt: "tilt", brush: "brush", eraser: "eraser", box: "box", region: "region" };
const RUBBER = { measure: "ruler", box: "box", region: "region" } as const;

export function createHands(body: HTMLElement, pane: number, desk: ReadingDesk, at: (event: Place) => Vec3 | null, picture: () => Picture | null, fill: () => void): void {
  const { store } = desk;
  let drag: Drag | null = null;

  const begin = (event: PointerEvent): void => {
    const here = at(event);
    if (here === null) return;
    desk.setActive(pane);
    const { tool } = store.get();
    const chosen: Drag["tool"] = event.button === 1 || (event.button === 0 && event.shiftKey) ? "pan" : event.button === 2 ? "window" : DRAGS[tool];
    drag = { tool: chosen, from: event, from_mm: here, last: event, last_mm: here, scrolled: 0, moved: false, mark: chosen === "scroll" ? markAt(here) : null };
    body.setPointerCapture(event.pointerId);
    if (chosen === "brush" || chosen === "eraser") desk.paint(pane, here, here);
  };

  /** The mark under the pointer, which a drag then moves. */
  const markAt = (here: Vec3): string | null => {
    const state = store.get();
    const task = taskOf(state);
    if (state.tool !== "mark" || task?.kind !== "mark") return null;
    const reach_mm = 12 / (picture()?.pixelsPerMm ?? 1);
    return workOf(state.work, task.id).marks.find((mark) => distance(mark.at_mm, here) <= reach_mm)?.id ?? null;
  };

  const go = (event: PointerEvent): void => {
    const here = at(event);
    look(here);
    if (drag === null || here === null) return;
    drag.moved ||= Math.hypot(event.clientX - drag.from.clientX, event.clientY - drag.from.clientY) > TAP_PIXELS;
    const [dx, dy] = [event.clientX - drag.last.clientX, event.clientY - drag.last.clientY];
    const size = Math.max(1, body.clientWidth);
    switch (drag.tool) {
      case "scroll": {
        if (!drag.moved || drag.mark !== null) break;
        const steps = Math.trunc((drag.from.clientY - event.clientY) / SCROLL_PIXELS);
        desk.scroll(pane, steps - drag.scrolled);
        drag.scrolled = steps;
        break;
      }
      case "window":
        desk.dragWindow(pane, dx / size, dy / size);
        break;
      case "pan":
        desk.pan(pane, minus(here, drag.last_mm));
        drag.last = event;
        drag.last_mm = at(event) ?? here;
        return;
      case "tilt":
        desk.tilt(pane, (dx / size) * TILT_RADIANS, (-dy / size) * TILT_RADIANS);
        break;
      case "brush":
      case "eraser":
        desk.paint(pane, drag.last_mm, here);
        break;
      case "measure":
      case "box":
      case "region":
        desk.set({ rubber: { kind: RUBBER[drag.tool], volume: store.get().cuts[pane]!.volume, from_mm: drag.from_mm, to_mm: here } });
        break;
      case "mark":
      case "point":
      case "path":
        break;
    }
    drag.last = event;
    drag.last_mm = here;
  };

  const end = (event: PointerEvent): void => {
    const ended = drag;
    drag = null;
    if (ended === null || event.type === "pointercancel") return;
    const here = at(event) ?? ended.last_mm;
    if (ended.tool === "brush" || ended.tool === "eraser") desk.endStroke();
    else if (ended.tool === "measure" || ended.tool === "box" || ended.tool === "region") desk.draw(pane, ended.from_mm, here);
    else if (ended.mark !== null && ended.moved) desk.setMark(ended.mark, { at_mm: here });
    else if (!ended.moved && event.button === 0) press(here);
  };

  const press = (here: Vec3): void => {
    const { tool } = store.get();
    if (tool === "mark") desk.mark(here);
    else if (tool === "path") desk.addPathPoint(here);
    else if (tool === "point") desk.point(pane, here);
  };

  let looked_ms = 0;
  const look = (here: Vec3 | null): void => {
    const now = performance.now();
    if (here !== null && now - looked_ms < 50) return;
    looked_ms = now;
    desk.looked({ by: "pointer", pane, at_mm: here, distance_m: null, mm_per_m: null });
  };

  body.addEventListener("contextmenu", (event) => event.preventDefault());
  body.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || event.isPrimary) begin(event);
  });
  body.addEventListener("pointermove", go);
  body.addEventListener("pointerup", end);
  body.addEventListener("pointercancel", end);
  body.addEventListener("pointerleave", () => look(null));
  body.addEventListener("dblclick", () => {
    if (store.get().tool === "point") fill();
  });
  wirePinch(body, pane, desk, at, () => (drag = null));
  wireWheel(body, pane, desk, at);
  body.addEventListener("focus", () => desk.setActive(pane));
  body.addEventListener("keydown", (event) => {
    const steps = KEY_STEPS[event.key];
    if (steps === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    desk.scroll(pane, steps);
  });
}

function wireWheel(body: HTMLElement, pane: number, desk: ReadingDesk, at: (event: Place) => Vec3 | null): void {
  let glided = 0;
  body.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      desk.setActive(pane);
      const here = at(event);
      if (event.ctrlKey) {
        if (here) desk.zoom(pane, Math.exp(-event.deltaY / 300), here);
        return;
      }
      const isNotch = event.deltaMode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(event.deltaY) >= NOTCH_PIXELS;
      const steps = isNotch ? Math.sign(event.deltaY) : Math.trunc((glided + event.deltaY) / GLIDE_PIXELS);
      glided = isNotch ? 0 : glided + event.deltaY - steps * GLIDE_PIXELS;
      if (steps !== 0) desk.scroll(pane, -steps);
    },
    { passive: false },
  );
}

/** Two fingers zoom and move the picture. */
function wirePinch(body: HTMLElement, pane: number, desk: ReadingDesk, at: (event: Place) => Vec3 | null, letGo: () => void): void {
  const fingers = new Map<number, Place>();
  const middle = ([a, b]: Place[]): Place => ({ clientX: (a!.clientX + b!.clientX) / 2, clientY: (a!.clientY + b!.clientY) / 2 });
  const apart = ([a, b]: Place[]): number => Math.max(1, Math.hypot(a!.clientX - b!.clientX, a!.clientY - b!.clientY));
  body.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) letGo();
  });
  body.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    const was = fingers.size === 2 ? at(middle(before)) : null;
    fingers.set(event.pointerId, event);
    const now = [...fingers.values()];
    const here = was && at(middle(now));
    if (!was || !here) return;
    desk.pan(pane, minus(here, was));
    desk.zoom(pane, apart(now) / apart(before), here);
  });
  for (const name of ["pointerup", "pointercancel"] as const) body.addEventListener(name, (event) => fingers.delete(event.pointerId));
}

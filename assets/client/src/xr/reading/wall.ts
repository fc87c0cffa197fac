// The reading room in the headset: a wall of panes, a panel beneath, two hands. Same desk and events as the flat page.

import * as THREE from "three";

import { WallPane, type PaneHit } from "./pane";
import { WALL_DISTANCE_M } from "./pane_canvas";
import { readingControls } from "./pages";
import { FRESH, PANEL_SIZE, type PanelDo, type PanelMemory } from "./parts";
import type { Feedback } from "../feedback";
import { Panel } from "../panel";
import { panelScale } from "../legibility";
import { gazeOf, type Gaze } from "../placement";
import { PointerVisual } from "../pointer_visual";
import { Pointers, type Pointer } from "../pointers";
import { Surroundings } from "../surroundings";
import { faceEyes } from "../text_label";
import { themeFor, type Theme } from "../theme";
import type { Vec3 } from "../../model/affine";
import { minus } from "../../model/reading/cut";
import { gridOf } from "../../model/reading/hanging";
import type { Tool } from "../../model/reading/state";
import { showFinding } from "../../reading/show_me";
import type { ReadingDesk } from "../../reading/desk";
import type { LoadedStudies } from "../../reading/studies";
import type { Stage } from "../../three/stage";

/** All panes side by side fill this half angle to each side. */
const HALF_WIDTH_DEG = 30;
/** A single row and several are so high at most. */
const ROW_M = 0.46;
const ROWS_M = 0.56;
const GAP_M = 0.012;
/** The wall's lower edge, and the panel's place before the eyes. */
const WALL_BELOW_M = 0.11;
const PANEL_AHEAD_M = 0.555;
const PANEL_BELOW_M = 0.22;
const PANEL_ASIDE_M = 0.06;
/** A press that let go within this way meant a place; more, a drag. */
const TAP_M = 0.008;
/** A drag's way on the pane for one slice; slices a second at a stick's end. */
const SCROLL_M = 0.007;
const STICK_PER_S = 14;
const STICK_DOUBLES_PER_S = 1.2;
const TILT_RADIANS = Math.PI / 2;
/** The fingertip must draw back so far before it can press again. */
const TIP_RELEASE_M = 0.008;
const SOLID_SCALE = 0.55;

/** `spread`: two hands on one pane draw the picture apart. */
type Job = Tool | "scroll" | "spread";
const JOBS: Record<Tool, Job> = { mark: "scroll", point: "scroll", path: "scroll", window: "window", pan: "pan", measure: "measure", tilt: "tilt", brush: "brush", eraser: "eraser", box: "box", region: "region" };
const RUBBER = { measure: "ruler", box: "box", region: "region" } as const;

interface Hold {
  readonly pane: number;
  job: Job;
  readonly from: PaneHit;
  readonly from_mm: Vec3;
  readonly by: "select" | "squeeze" | "tip";
  last: PaneHit;
  last_mm: Vec3;
  scrolled: number;
  moved: boolean;
}

export interface WallReport {
  readonly frames: number;
  readonly head: number[];
  readonly panes: { volume: string; centre: number[]; size_m: number; distance_m: number; mmPerMetre: number; corner: number[] }[];
  readonly panel: { centre: number[]; scale: number; distance_m: number; controls: { id: string; kind: string; text: string; on: boolean | null; centre: number[]; width_m: number; height_m: number }[] };
  readonly pointers: { kind: string; handedness: string; tip: number[]; pane: number | null; over: string | null }[];
  readonly clicks: number;
}

/** So many cells side by side, with the gaps between them. */
const across_m = (cell_m: number, count: number): number => count * cell_m + (count - 1) * GAP_M;

export class ReadingWall {
  readonly #theme: Theme;
  readonly #pointers: Pointers;
  readonly #surroundings: Surroundings;
  readonly #group = new THREE.Group();
  readonly #panel: Panel;
  readonly #visuals = new Map<Pointer, PointerVisual>();
  readonly #holds = new Map<Pointer, Hold>();
  /** Whether each fingertip drew back far enough to press again. */
  readonly #armed = new Map<Pointer, boolean>();
  readonly #act: PanelDo;
  #panes: WallPane[] = [];
  #paneIndex: number[] = [];
  #cell_m = ROW_M;
  #hung = "";
  #memory: PanelMemory = FRESH;
  #task: string | null = null;
  #list: Pointer[] = [];
  #head = new THREE.Matrix4();
  #eyes = new THREE.Vector3();
  #gaze: Gaze | null = null;
  #stick = 0;
  #time_s = 0;
  #frames = 0;
  readonly #stop: (() => void)[] = [];

  constructor(
    private readonly session: XRSession,
    private readonly stage: Stage,
    private readonly desk: ReadingDesk,
    private readonly studies: LoadedStudies,
    private readonly feedback: Feedback,
    hasFloor: boolean,
    leave: () => void,
  ) {
    this.#theme = themeFor(session.environmentBlendMode);
    this.#surroundings = new Surroundings(stage, session.environmentBlendMode !== "opaque", hasFloor);
    this.#pointers = new Pointers(session, (pointer) => this.#gone(pointer));
    this.#panel = new Panel(PANEL_SIZE, this.#theme);
    this.#group.add(this.#panel.group);
    stage.scene.add(this.#group);
    this.#act = {
      desk,
      remember: (part) => (this.#memory = { ...this.#memory, ...part }),
      showMe: (id) => showFinding(desk, id),
      bringHere: () => (this.#gaze = null),
      leave,
      read_s: () => Math.floor(desk.read_s()),
    };
    const blurred = (): void => {
      if (this.session.visibilityState !== "visible") this.#pointers.letGo();
    };
    session.addEventListener("visibilitychange", blurred);
    this.#stop.push(() => session.removeEventListener("visibilitychange", blurred));
    const space = stage.renderer.xr.getReferenceSpace();
    const reset = (): void => void (this.#gaze = null);
    space?.addEventListener("reset", reset);
    this.#stop.push(() => space?.removeEventListener("reset", reset));
    this.#stop.push(desk.store.watch((state) => state.hand, () => (this.#gaze = null)));
  }

  dispose(): void {
    for (const stop of this.#stop) stop();
    this.#pointers.dispose();
    for (const pane of this.#panes) pane.dispose();
    for (const visual of this.#visuals.values()) visual.dispose();
    this.#panel.dispose();
    this.stage.scene.remove(this.#group);
    this.#surroundings.dispose();
  }

  step(time_s: number, frame: XRFrame): void {
    const space = this.stage.renderer.xr.getReferenceSpace();
    const viewer = space && frame.getViewerPose(space);
    if (!space || !viewer) return;
    const dt_s = Math.min(0.1, Math.max(0, time_s - this.#time_s));
    this.#time_s = time_s;
    this.#frames += 1;
    this.#head.fromArray(viewer.transform.matrix);
    this.#eyes.setFromMatrixPosition(this.#head);
    this.#list = this.#pointers.update(this.session, frame, space);
    this.#hang();
    if (this.#gaze === null) this.#place();
    for (const pointer of this.#list) if (pointer.menu.pressed || pointer.upper.pressed) this.#gaze = null;
    this.#panelStep();
    if (this.session.visibilityState === "visible") for (const pointer of this.#list) this.#hand(pointer, dt_s);
    this.#draw();
    this.#look();
    this.#solid();
    this.#show();
  }

  report(): WallReport {
    const away = (at: THREE.Vector3): number => at.distanceTo(this.#eyes);
    const where = (group: THREE.Group): THREE.Vector3 => group.getWorldPosition(new THREE.Vector3());
    return {
      frames: this.#frames,
      head: this.#head.toArray(),
      panes: this.#panes.map((pane) => ({
        volume: pane.volume,
        centre: where(pane.group).toArray(),
        size_m: pane.size_m,
        distance_m: away(where(pane.group)),
        mmPerMetre: pane.mmPerMetre,
        corner: pane.group.localToWorld(new THREE.Vector3(pane.size_m / 2, pane.size_m / 2, 0)).toArray(),
      })),
      panel: {
        centre: where(this.#panel.group).toArray(),
        scale: this.#panel.group.scale.x,
        distance_m: away(where(this.#panel.group)),
        controls: this.#panel.controls.map((control) => ({
          id: control.id,
          kind: control.kind,
          text: control.text,
          on: control.kind === "press" ? control.on : null,
          centre: this.#panel.place(control.rect).toArray(),
          width_m: (control.rect.w_mm / 1000) * this.#panel.group.scale.x,
          height_m: (control.rect.h_mm / 1000) * this.#panel.group.scale.x,
        })),
      },
      pointers: this.#list.map((pointer) => ({ kind: pointer.kind, handedness: pointer.handedness, tip: pointer.tip.toArray(), pane: this.#met(pointer)?.pane ?? null, over: this.#panel.hovered(pointer)?.id ?? null })),
      clicks: this.feedback.clicks,
    };
  }

  // The wall

  /** Panes as the desk hangs them, once their voxels are known. */
  #hang(): void {
    const state = this.desk.store.get();
    const isRead = state.phase === "reading" || state.phase === "feedback";
    const index = isRead ? state.cuts.map((_, each) => each).filter((each) => state.filled === null || state.filled === each) : [];
    const volumes = index.map((each) => state.cuts[each]!.volume);
    const key = JSON.stringify([state.reading?.id, volumes, index]);
    if (key === this.#hung || !volumes.every((volume) => this.studies.all.has(volume))) return;
    this.#hung = key;
    for (const pane of this.#panes) pane.dispose();
    this.#holds.clear();
    this.#paneIndex = index;
    const { columns, rows, places } = gridOf(index.length);
    const width_m = 2 * WALL_DISTANCE_M * Math.tan((HALF_WIDTH_DEG * Math.PI) / 180);
    const inside = (whole_m: number, count: number): number => (whole_m - (count - 1) * GAP_M) / count;
    this.#cell_m = Math.min(inside(rows === 1 ? ROW_M : ROWS_M, rows), inside(width_m, columns));
    this.#panes = volumes.map((volume, each) => {
      const { loader, scene } = this.studies.all.get(volume)!;
      const pane = new WallPane(across_m(this.#cell_m, places[each]!.span), volume, loader.texture, scene.headset_from_patient, this.#theme);
      this.#group.add(pane.group);
      return pane;
    });
    for (let each = 0; each < 16; each += 1) if (!index.includes(each)) this.desk.shown(each, null);
    this.#stand();
  }

  /** Before the person, at the height of the eyes, sitting or standing. */
  #place(): void {
    this.#gaze = gazeOf(this.#head);
    this.#surroundings.faceFrom(this.#head);
    this.#stand();
  }

  #stand(): void {
    if (this.#gaze === null) return;
    const { eyes, ahead } = this.#gaze;
    const right = new THREE.Vector3(-ahead.z, 0, ahead.x);
    const at = (away_m: number, aside_m: number, up_m: number): THREE.Vector3 => eyes.clone().addScaledVector(ahead, away_m).addScaledVector(right, aside_m).add(new THREE.Vector3(0, up_m, 0));
    const { columns, rows, places } = gridOf(this.#panes.length);
    const step_m = this.#cell_m + GAP_M;
    const [width_m, height_m] = [across_m(this.#cell_m, columns), across_m(this.#cell_m, rows)];
    this.#panes.forEach((pane, index) => {
      const { column, row } = places[index]!;
      // On an arc about the eyes: each pane faces them, none is farther than another.
      const angle = (column * step_m + (pane.size_m - width_m) / 2) / WALL_DISTANCE_M;
      const up_m = height_m - WALL_BELOW_M - row * step_m - pane.size_m / 2;
      pane.group.position.copy(at(WALL_DISTANCE_M * Math.cos(angle), WALL_DISTANCE_M * Math.sin(angle), up_m));
      faceEyes(pane.group, eyes);
    });
    const side = this.desk.store.get().hand === "right" ? 1 : -1;
    this.#panel.group.position.copy(at(PANEL_AHEAD_M, side * PANEL_ASIDE_M, -PANEL_BELOW_M));
    faceEyes(this.#panel.group, eyes);
    this.#panel.group.scale.setScalar(panelScale(this.#panel.group.position.distanceTo(eyes)));
    this.#group.updateMatrixWorld(true);
  }

  #draw(): void {
    const state = this.desk.store.get();
    this.#panes.forEach((pane, index) => {
      const own = this.#paneIndex[index]!;
      const cut = state.cuts[own];
      if (!cut || cut.volume !== pane.volume) return;
      pane.draw(state, cut, state.active === own && this.#panes.length > 1, () => this.desk.regionText(cut), this.studies.all.get(pane.volume)?.loader.isInTexture ?? false);
      pane.settle();
      this.desk.shown(own, state.studies[pane.volume]?.state === "ready" ? pane.shown() : null);
    });
  }

  /** Where the head points; eyes are not told by this device's browser. */
  #look(): void {
    const ray = new THREE.Ray(this.#eyes, new THREE.Vector3(0, 0, -1).transformDirection(this.#head));
    for (const [index, pane] of this.#panes.entries()) {
      const hit = pane.meetRay(ray);
      if (hit === null) continue;
      this.desk.looked({ by: "head", pane: this.#paneIndex[index]!, at_mm: pane.at(hit.x_m, hit.y_m), distance_m: hit.distance_m, mm_per_m: pane.mmPerMetre });
      return;
    }
    this.desk.looked({ by: "head", pane: 0, at_mm: null, distance_m: null, mm_per_m: null });
  }

  /** 3-D beside the wall, where it was asked for. */
  #solid(): void {
    const { patient } = this.stage;
    const { is3d, hand } = this.desk.store.get();
    patient.visible = is3d;
    if (!is3d || this.#gaze === null) return;
    const { eyes, ahead } = this.#gaze;
    const right = new THREE.Vector3(-ahead.z, 0, ahead.x);
    const side = hand === "right" ? -1 : 1;
    patient.position.copy(eyes).addScaledVector(ahead, 0.72).addScaledVector(right, side * 0.62);
    patient.position.y -= 0.2;
    patient.quaternion.setFromAxisAngle(new THREE.Vector3(0, 1, 0), Math.atan2(-ahead.x, -ahead.z) + side * -0.5);
    patient.scale.setScalar(SOLID_SCALE);
    patient.updateMatrixWorld(true);
  }

  // Hands

  #panelStep(): void {
    const state = this.desk.store.get();
    // Another question begins at its first field.
    if (state.task !== this.#task) {
      this.#task = state.task;
      this.#memory = { ...FRESH, told: this.#memory.told };
    }
    this.#panel.show(readingControls(state, this.#memory, this.#act));
    this.#panel.step(this.#list, (pointer) => this.#holds.has(pointer), (pointer, pressed) => this.feedback.give(pressed ? "press" : "hover", pointer.source));
    this.#panel.show(readingControls(this.desk.store.get(), this.#memory, this.#act));
  }

  #met(pointer: Pointer): { readonly pane: number; readonly hit: PaneHit } | null {
    let best: { readonly pane: number; readonly hit: PaneHit } | null = null;
    for (const [pane, each] of this.#panes.entries()) {
      const hit = each.meet(pointer);
      if (hit !== null && (best === null || hit.distance_m < best.hit.distance_m)) best = { pane, hit };
    }
    return best;
  }

  #hand(pointer: Pointer, dt_s: number): void {
    const hold = this.#holds.get(pointer);
    if (hold) this.#go(pointer, hold);
    else if (!this.#panel.owns(pointer)) this.#begin(pointer);
    this.#scrollStick(pointer, dt_s);
  }

  /** The stick scrolls the pane that is pointed at, else the one last used; sideways it zooms. */
  #scrollStick(pointer: Pointer, dt_s: number): void {
    if (pointer.stick.x === 0 && pointer.stick.y === 0) return;
    const met = this.#met(pointer);
    const pane = met ? this.#paneIndex[met.pane]! : this.desk.store.get().active;
    if (Math.abs(pointer.stick.x) > Math.abs(pointer.stick.y)) {
      const about = met ? this.#panes[met.pane]!.at(met.hit.x_m, met.hit.y_m) : this.desk.store.get().cuts[pane]?.focus_mm;
      this.desk.setActive(pane);
      if (about) this.desk.zoom(pane, 2 ** (pointer.stick.x * STICK_DOUBLES_PER_S * dt_s), about);
      return;
    }
    // Pushed forward is up the stack: gamepads count it negative.
    this.#stick -= pointer.stick.y * STICK_PER_S * dt_s;
    const steps = Math.trunc(this.#stick);
    if (steps === 0) return;
    this.#stick -= steps;
    this.desk.setActive(pane);
    this.desk.scroll(pane, steps);
    this.feedback.give("detent", pointer.source);
  }

  #begin(pointer: Pointer): void {
    const met = this.#met(pointer);
    const touches = this.#tipPress(pointer, met?.hit ?? null);
    if (met === null || !(pointer.select.pressed || pointer.squeeze.pressed || touches)) return;
    const pane = this.#panes[met.pane]!;
    const at_mm = pane.at(met.hit.x_m, met.hit.y_m);
    const by = touches ? "tip" : pointer.select.pressed ? "select" : "squeeze";
    const { tool } = this.desk.store.get();
    const other = [...this.#holds.values()].find((each) => each.pane === met.pane && each.by === "select" && by === "select");
    if (other) other.job = "spread";
    this.feedback.give("press", pointer.source);
    this.desk.setActive(this.#paneIndex[met.pane]!);
    this.#holds.set(pointer, { pane: met.pane, job: other ? "spread" : by === "squeeze" ? "window" : JOBS[tool], from: met.hit, from_mm: at_mm, by, last: met.hit, last_mm: at_mm, scrolled: 0, moved: false });
    if (!other && (JOBS[tool] === "brush" || JOBS[tool] === "eraser")) this.desk.paint(this.#paneIndex[met.pane]!, at_mm, at_mm);
  }

  /** Whether a fingertip goes through the pane, coming from in front. */
  #tipPress(pointer: Pointer, hit: PaneHit | null): boolean {
    if (hit?.by !== "tip") {
      this.#armed.set(pointer, false);
      return false;
    }
    const armed = this.#armed.get(pointer) ?? false;
    const pressed = armed && hit.depth_m <= 0;
    this.#armed.set(pointer, pressed ? false : armed || hit.depth_m > TIP_RELEASE_M);
    return pressed;
  }

  #go(pointer: Pointer, hold: Hold): void {
    const pane = this.#panes[hold.pane];
    if (!pane) {
      this.#holds.delete(pointer);
      return;
    }
    const hit = (hold.by === "tip" ? pane.meet(pointer) : pane.meetRay(pointer.ray, true)) ?? hold.last;
    const isOver = hold.by === "tip" ? hit.by !== "tip" || hit.depth_m > TIP_RELEASE_M : !pointer[hold.by].held;
    if (isOver) this.#end(pointer, hold);
    else this.#drag(pane, hold, hit);
  }

  #drag(pane: WallPane, hold: Hold, hit: PaneHit): void {
    const own = this.#paneIndex[hold.pane]!;
    const here = pane.at(hit.x_m, hit.y_m);
    const [dx, dy] = [(hit.x_m - hold.last.x_m) / pane.size_m, (hold.last.y_m - hit.y_m) / pane.size_m];
    hold.moved ||= Math.hypot(hit.x_m - hold.from.x_m, hit.y_m - hold.from.y_m) > TAP_M;
    const before = hold.last;
    hold.last = hit;
    switch (hold.job) {
      case "scroll": {
        const steps = hold.moved ? Math.trunc((hit.y_m - hold.from.y_m) / SCROLL_M) : 0;
        this.desk.scroll(own, steps - hold.scrolled);
        hold.scrolled = steps;
        break;
      }
      case "window":
        this.desk.dragWindow(own, dx, dy);
        break;
      case "spread":
        this.#spread(pane, hold, own, before);
        return;
      case "pan":
        this.desk.pan(own, minus(here, hold.last_mm));
        return;
      case "tilt":
        this.desk.tilt(own, dx * TILT_RADIANS, -dy * TILT_RADIANS);
        break;
      case "brush":
      case "eraser":
        this.desk.paint(own, hold.last_mm, here);
        break;
      case "measure":
      case "box":
      case "region":
        this.desk.set({ rubber: { kind: RUBBER[hold.job], volume: pane.volume, from_mm: hold.from_mm, to_mm: here } });
        break;
      case "mark":
      case "point":
      case "path":
        break;
    }
    hold.last_mm = here;
  }

  /** Larger by how much farther apart the two hands are than before, about the place between them. */
  #spread(pane: WallPane, hold: Hold, own: number, before: PaneHit): void {
    const other = [...this.#holds.values()].find((each) => each !== hold && each.pane === hold.pane && each.job === "spread");
    if (!other) return;
    const apart = (hit: PaneHit): number => Math.hypot(hit.x_m - other.last.x_m, hit.y_m - other.last.y_m);
    const [was, is] = [apart(before), apart(hold.last)];
    if (was < TAP_M || is < TAP_M) return;
    this.desk.zoom(own, is / was, pane.at((hold.last.x_m + other.last.x_m) / 2, (hold.last.y_m + other.last.y_m) / 2));
  }

  #end(pointer: Pointer, hold: Hold): void {
    this.#holds.delete(pointer);
    const own = this.#paneIndex[hold.pane]!;
    if (hold.job === "brush" || hold.job === "eraser") this.desk.endStroke();
    else if (hold.job === "measure" || hold.job === "box" || hold.job === "region") this.desk.draw(own, hold.from_mm, hold.last_mm);
    else if (hold.job === "scroll" && !hold.moved) this.#press(own, hold.from_mm);
  }

  #press(own: number, at_mm: Vec3): void {
    const { tool } = this.desk.store.get();
    if (tool === "mark") this.desk.mark(at_mm);
    else if (tool === "path") this.desk.addPathPoint(at_mm);
    else if (tool === "point") this.desk.point(own, at_mm);
  }

  #gone(pointer: Pointer): void {
    this.#holds.delete(pointer);
    this.#armed.delete(pointer);
    this.#visuals.get(pointer)?.dispose();
    this.#visuals.delete(pointer);
  }

  #show(): void {
    for (const pointer of this.#list) {
      const visual = this.#visuals.get(pointer) ?? new PointerVisual(pointer, "solid");
      if (!this.#visuals.has(pointer)) {
        this.#visuals.set(pointer, visual);
        this.#group.add(visual.group);
      }
      const onPanel = this.#panel.meet(pointer)?.distance_m ?? null;
      visual.update(pointer, onPanel ?? this.#met(pointer)?.hit.distance_m ?? null, this.#eyes, false);
    }
  }
}

// Everything inside one session: pointers, the anatomy in the hands, the slice, the ruler, the panel. Frame by frame.

import * as THREE from "three";

import { AlarmSign } from "./alarm_sign";
import { Aiming } from "./aiming";
import type { HeadsetMode } from "./availability";
import type { Feedback } from "./feedback";
import { Grab, restingScale, scaledAbout, type Placement } from "./grab";
import { GuideHud } from "./guide_hud";
import { HandSlice } from "./hand_slice";
import { LandmarkTouch } from "./landmark_touch";
import { BODY_CAP_DEG, LABEL_CAP_DEG } from "./legibility";
import type { Panel } from "./panel";
import { Corrector } from "./corrector";
import { OF_GUIDE, panelControls, type Facing, type Page, type PanelIntents, type PanelView } from "./panel_pages";
import { centredAt, centreOf, facingTurn, gazeOf, Glide, startPlacement, type Gaze } from "./placement";
import { PointerVisual } from "./pointer_visual";
import { Pointers, type Pointer } from "./pointers";
import { Ruler, type Aim } from "./ruler";
import { ScaleTag } from "./scale_tag";
import { SliceLetters } from "./slice_letters";
import { statusText } from "./status_text";
import { Surroundings } from "./surroundings";
import { TextLabel } from "./text_label";
import { themeFor, type Theme } from "./theme";
import { WayGrips } from "./way_grips";
import { handSide, WristPanel } from "./wrist_panel";
import { shownAlerts } from "../model/alarm";
import { MarginHand } from "../model/margin_hand";
import { lookOf } from "../model/overlay";
import { may } from "../model/self";
import { upToTenth } from "../model/session_words";
import { anatomyWords, tipOf, type Sight } from "../model/sight";
import type { Store } from "../model/store";
import { volumeText } from "../model/number_text";
import { volumeOf } from "../model/scene";
import type { AppStore, Plane } from "../model/state";
import { setOpacity, showAll, surfaceOf, toggleVisible } from "../model/structures";
import { applyPreset, isCorrecting, removeMeasurement, select, setBrush, setFollowsTip, setRange, setTool } from "../model/view";
import type { Strokes } from "../model/hand";
import { inPatient, inWorld } from "../three/patient_place";
import { BYTES_PER_TRIANGLE } from "../three/lod";
import type { Stage } from "../three/stage";
import { latestWins, SLIDE_EVERY_MS } from "../wire/latest";
import type { BandsAsk, GuideAsk, HeadsetPlace, MarginBand } from "../wire/messages";

/** A press that lets go within this distance of where it began moved nothing: it names what it points at. */
const TAP_M = 0.008;
/** Triangles that a standalone headset draws twice at its frame rate beside everything else. */
const TRIANGLE_BUDGET = 700_000;
/** What goes on outside is told this far over the anatomy. */
const STATUS_OVER_M = 0.06;
const REFINE_EVERY_S = 0.5;
const FRAME_TIME_EVERY_S = 0.5;
/** A longer gap is a pause, not motion: the headset was off or the page asleep. */
const LONGEST_STEP_S = 0.1;

const MM_TO_METRES = new THREE.Matrix4().makeScale(0.001, 0.001, 0.001);
/** Stands in for the anatomy until its first surface is here. */
const EMPTY_ROOM = new THREE.Box3(new THREE.Vector3(-0.2, -0.2, -0.2), new THREE.Vector3(0.2, 0.2, 0.2));

/** What hands in the room ask for. */
export interface Corrections extends Strokes {
  step(direction: "undo" | "redo"): void;
  guide(ask: GuideAsk): void;
  /** For how long the overlay was on, in words. */
  overlayTime(): string;
  /** Numbers that were drawn were read back wrong, and taken away. */
  unreadable(count?: number): void;
}

type Held = { readonly by: "select" | "squeeze"; readonly from: THREE.Vector3; letGo(): void };

/** What tests and the curious may read; nothing here acts. */
export interface RoomReport {
  readonly mode: HeadsetMode;
  readonly blend: XREnvironmentBlendMode;
  readonly visibility: XRVisibilityState;
  readonly frames: number;
  readonly frame_ms: number;
  readonly scale: number;
  /** Column-major world matrix of the patient group. */
  readonly worldFromPatient: number[];
  readonly head: number[];
  readonly holding: number;
  readonly clicks: number;
  readonly panel: PanelReport & { readonly place: string };
  readonly tag: PanelReport;
  readonly slice: { on: boolean; carried: boolean; cutting: boolean; position: number[]; normal: number[] };
  readonly ruler: { on: boolean; shown: ReturnType<Ruler["shown"]> };
  readonly named: string;
  readonly status: string;
  readonly letters: string;
  /** Of a guidance session: what stands on the board, the alarm, whether anatomy is drawn and where it is taken to be. */
  readonly guide: { hud: string[]; alarm: string; anatomy: boolean; onPatient: boolean; words: string; landmark: string | null; touching: number; ways: readonly number[][] };
  readonly pointers: { kind: string; handedness: string; tip: number[]; over: string | null; owner: string | null }[];
}

export interface PanelReport {
  readonly centre: number[];
  readonly facing: number[];
  readonly scale: number;
  readonly controls: { id: string; kind: string; text: string; on: boolean | null; centre: number[]; width_m: number; height_m: number }[];
}

export class Room {
  readonly #theme: Theme;
  readonly #pointers: Pointers;
  readonly #feedback: Feedback;
  readonly #surroundings: Surroundings;
  readonly #group = new THREE.Group();
  readonly #visuals = new Map<Pointer, PointerVisual>();
  readonly #grab = new Grab<Pointer>();
  readonly #slice: HandSlice;
  readonly #aiming: Aiming;
  readonly #ruler: Ruler;
  readonly #corrector: Corrector;
  readonly #wrist: WristPanel;
  readonly #tag: ScaleTag;
  readonly #hint: TextLabel;
  readonly #name: TextLabel;
  readonly #status: TextLabel;
  readonly #letters: SliceLetters;
  readonly #hud: GuideHud;
  readonly #alarm: AlarmSign;
  readonly #touch: LandmarkTouch;
  readonly #ways: WayGrips;
  readonly #margins = new Map<string, MarginHand>();
  readonly #sendBands: (ask: BandsAsk) => void;
  /** A place that is of a world which the device has moved since. */
  #lostPlace: HeadsetPlace | null = null;
  readonly #held = new Map<Pointer, Held>();
  readonly #stop: (() => void)[] = [];
  readonly #blend: XREnvironmentBlendMode;
  #list: Pointer[] = [];
  #head = new THREE.Matrix4();
  #eyes = new THREE.Vector3();
  #bounds = EMPTY_ROOM;
  #drawn = -1;
  #start: Gaze = { eyes: new THREE.Vector3(), ahead: new THREE.Vector3(0, 0, -1) };
  #glide: Glide | null = null;
  #time_s = 0;
  #frames = 0;
  #placed = false;
  #moved = false;
  #named: { readonly key: string; readonly at: THREE.Vector3 } | null = null;
  #page: Page = "structures";
  #first = 0;
  /** What the pages of one margin or of one structure are of. */
  #chosen = "";
  /** The next press on the slice says which place of the scan is touched again. */
  #isPointing = false;
  #frameTimeAsked = false;
  #frame_ms = 0;
  #frameTimeText = "";
  #frameTimeSince_s = 0;
  #refined = { at_s: -Infinity, pixelsPerMm: 0 };

  constructor(
    private readonly session: XRSession,
    private readonly mode: HeadsetMode,
    private readonly stage: Stage,
    private readonly store: AppStore,
    private readonly sights: Store<Sight | null>,
    feedback: Feedback,
    private readonly corrections: Corrections,
    hasFloor: boolean,
  ) {
    this.#blend = session.environmentBlendMode;
    this.#theme = themeFor(this.#blend);
    this.#feedback = feedback;
    this.#surroundings = new Surroundings(stage, mode === "immersive-ar" || this.#blend !== "opaque", hasFloor);
    this.#pointers = new Pointers(session, (pointer) => this.#gone(pointer));
    this.#slice = new HandSlice(stage.patient);
    this.#aiming = new Aiming(stage, this.#slice, () => this.#worldBounds());
    const aim: Aim = (pointer, exact) => this.#aiming.aim(pointer, exact);
    this.#ruler = new Ruler(store, stage.patient, stage.headsetFromPatient, aim, this.#theme);
    this.#corrector = new Corrector(store, stage.patient, stage.headsetFromPatient, aim, corrections);
    this.#wrist = new WristPanel(this.#theme);
    this.#tag = new ScaleTag(this.#theme);
    this.#hint = new TextLabel(LABEL_CAP_DEG, this.#theme, false);
    this.#name = new TextLabel(LABEL_CAP_DEG, this.#theme, true);
    this.#status = new TextLabel(BODY_CAP_DEG, this.#theme, true);
    this.#letters = new SliceLetters(this.#theme);
    this.#hud = new GuideHud(this.#theme, this.#blend === "additive", (count) => corrections.unreadable(count));
    this.#alarm = new AlarmSign(this.#theme);
    const ask = (asked: GuideAsk): void => corrections.guide(asked);
    this.#touch = new LandmarkTouch(ask, (pointer) => feedback.give("press", pointer.source));
    this.#ways = new WayGrips(stage.patient, stage.headsetFromPatient, ask);
    this.#sendBands = latestWins(ask, SLIDE_EVERY_MS);
    stage.anatomy.marks.additive.value = this.#blend === "additive" ? 1 : 0;
    if (sights.get() !== null) this.#page = "guide";
    this.#group.add(
      this.#slice.group, this.#ruler.group, this.#corrector.group, this.#wrist.panel.group, this.#tag.panel.group, this.#hint.mesh, this.#name.mesh,
      this.#status.mesh, this.#letters.group, this.#hud.mesh, this.#alarm.mesh, this.#touch.group, this.#ways.group,
    );
    stage.scene.add(this.#group);
    this.#listen();
  }

  dispose(): void {
    for (const stop of this.#stop) stop();
    this.#pointers.dispose();
    this.#cutAnatomy(false);
    for (const part of [this.#slice, this.#ruler, this.#corrector, this.#wrist.panel, this.#tag.panel, this.#hint, this.#name, this.#status, this.#letters, this.#hud, this.#alarm, this.#touch, this.#ways]) part.dispose();
    this.stage.anatomy.marks.additive.value = 0;
    for (const visual of this.#visuals.values()) visual.dispose();
    this.stage.scene.remove(this.#group);
    this.#surroundings.dispose();
  }

  report(): RoomReport {
    const { position } = this.#slice.pose;
    return {
      mode: this.mode,
      blend: this.#blend,
      visibility: this.session.visibilityState,
      frames: this.#frames,
      frame_ms: this.#frame_ms,
      scale: this.#placement.scale,
      worldFromPatient: this.stage.patient.matrixWorld.toArray(),
      head: this.#head.toArray(),
      holding: this.#grab.count,
      clicks: this.#feedback.clicks,
      panel: { ...reportPanel(this.#wrist.panel), place: this.#wrist.place },
      tag: reportPanel(this.#tag.panel),
      slice: {
        on: this.#slice.on,
        carried: this.#slice.carried,
        cutting: this.#slice.cutting,
        position: position.toArray(),
        normal: this.#slice.normal.toArray(),
      },
      ruler: { on: this.#ruler.on, shown: this.#ruler.shown() },
      named: this.#name.text,
      status: this.#status.mesh.visible ? this.#status.text : "",
      letters: this.#letters.shown,
      guide: {
        hud: this.#hud.mesh.visible ? [...this.#hud.texts] : [],
        alarm: this.#alarm.text,
        anatomy: this.stage.anatomy.group.visible,
        onPatient: this.#onPatient !== null,
        words: this.#guideWords,
        landmark: this.#touch.landmark,
        touching: this.#touch.progress,
        ways: this.#ways.ends,
      },
      pointers: this.#list.map((pointer) => ({
        kind: pointer.kind,
        handedness: pointer.handedness,
        tip: pointer.tip.toArray(),
        over: this.#panelOf(pointer)?.hovered(pointer)?.id ?? null,
        owner: this.#grab.holds(pointer) ? "anatomy" : this.#held.has(pointer) ? "tool" : null,
      })),
    };
  }

  /** One frame, before it is drawn. */
  step(time_s: number, frame: XRFrame): void {
    const space = this.stage.renderer.xr.getReferenceSpace();
    const viewer = space && frame.getViewerPose(space);
    if (!space || !viewer) return;
    const dt_s = Math.min(LONGEST_STEP_S, Math.max(0, time_s - this.#time_s));
    this.#clock(time_s);
    this.#head.fromArray(viewer.transform.matrix);
    this.#eyes.setFromMatrixPosition(this.#head);
    this.#list = this.#pointers.update(this.session, frame, space);
    this.#measure();
    if (!this.#placed) this.#begin();
    this.#menus();
    this.#panels();
    this.#buttons();
    this.#moveAnatomy(time_s, dt_s);
    this.#standOnPatient();
    this.#tools(dt_s);
    this.#guide(time_s);
    this.#wrist.step(this.#list.filter((pointer) => !this.#held.has(pointer)), this.#eyes, time_s, dt_s);
    this.#words();
    this.#show();
    this.#refine(viewer);
  }

  #listen(): void {
    const blurred = (): void => {
      if (this.session.visibilityState === "visible") return;
      this.#pointers.letGo();
    };
    this.session.addEventListener("visibilitychange", blurred);
    this.#stop.push(() => this.session.removeEventListener("visibilitychange", blurred));
    // The person asked the device for a new "here": all comes to it, nothing else changes.
    const reset = (): void => {
      // Where the patient lay was said in a world that is another now.
      this.#lostPlace = this.sights.get()?.headset ?? null;
      this.#placed = false;
    };
    const space = this.stage.renderer.xr.getReferenceSpace();
    space?.addEventListener("reset", reset);
    this.#stop.push(() => space?.removeEventListener("reset", reset));
  }

  #clock(time_s: number): void {
    const passed_ms = 1000 * (time_s - this.#time_s);
    if (this.#frames > 0) this.#frame_ms += 0.1 * (passed_ms - this.#frame_ms);
    this.#frames += 1;
    this.#time_s = time_s;
    if (time_s - this.#frameTimeSince_s < FRAME_TIME_EVERY_S) return;
    this.#frameTimeSince_s = time_s;
    this.#frameTimeText = `${this.#frame_ms.toFixed(1)} ms a frame`;
  }

  /** Surfaces still arrive: until somebody takes hold, what stands there is kept in the middle. */
  #measure(): void {
    const drawn = this.store.get().drawn.ready;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const bounds = this.stage.anatomy.bounds();
    this.#bounds = bounds.isEmpty() ? EMPTY_ROOM : bounds;
    if (this.#placed && !this.#moved) this.#place(startPlacement(this.#start, this.#bounds, 1));
  }

  /** Puts anatomy and panel before the person. The scale stays: a new "here" is no reset. */
  #begin(): void {
    const before = this.stage.patient.matrixWorld.clone();
    this.#surroundings.faceFrom(this.#head);
    this.#start = gazeOf(this.#head);
    this.#place(startPlacement(this.#start, this.#bounds, this.#moved ? this.#placement.scale : 1));
    this.#slice.moveBy(this.stage.patient.matrixWorld.clone().multiply(before.invert()));
    this.#wrist.stand(this.#head, -1, this.#worldBounds());
    this.#glide = null;
    this.#placed = true;
  }

  get #placement(): Placement {
    const { position, quaternion, scale } = this.stage.patient;
    return { position: position.clone(), quaternion: quaternion.clone(), scale: scale.x };
  }

  #place({ position, quaternion, scale }: Placement): void {
    const { patient } = this.stage;
    patient.position.copy(position);
    patient.quaternion.copy(quaternion);
    patient.scale.setScalar(scale);
    patient.updateMatrixWorld(true);
  }

  #worldBounds(): THREE.Box3 {
    return this.#bounds.clone().applyMatrix4(this.stage.patient.matrixWorld);
  }

  // Guidance

  /** Where the patient lies, while that is known and seen through. */
  get #onPatient(): HeadsetPlace | null {
    const sight = this.sights.get();
    return sight !== null && sight.overPatient && sight.headset !== this.#lostPlace ? sight.headset : null;
  }

  /** Rigid and at true size: nothing that is over a patient is moved by hand. */
  #standOnPatient(): void {
    const place = this.#onPatient;
    if (place === null) return;
    const worldFromPatient = new THREE.Matrix4().fromArray(place.patient_from_world).transpose().invert().premultiply(MM_TO_METRES);
    const placed = worldFromPatient.multiply(this.stage.headsetFromPatient.clone().invert());
    const [position, quaternion, scale] = [new THREE.Vector3(), new THREE.Quaternion(), new THREE.Vector3()];
    placed.decompose(position, quaternion, scale);
    this.#place({ position, quaternion, scale: 1 });
    this.#moved = true;
    this.#glide = null;
  }

  get #guideWords(): string {
    const sight = this.sights.get();
    if (sight === null) return "";
    const place = this.#onPatient;
    if (place !== null && sight.anatomy.shown === "hidden") return anatomyWords(sight);
    if (place !== null) return [anatomyWords(sight), `On the patient 1:1, ±${upToTenth(place.error_mm)} mm${place.verified ? "" : ", not verified"}`].filter(Boolean).join(" · ");
    if (this.mode !== "immersive-ar") return anatomyWords(sight);
    return this.#lostPlace !== null && this.#lostPlace === sight.headset ? "The headset moved its world: touch the landmarks again" : "Beside the patient: touch landmarks to place it";
  }

  #guide(time_s: number): void {
    const sight = this.sights.get();
    const state = this.store.get();
    if (sight === null) this.#leaveGuide();
    const isTold = sight?.tools.every(({ told }) => lookOf(told).hasNumber) ?? false;
    this.#hud.step(sight, this.#guideWords, this.#worldBounds(), this.#eyes, time_s);
    this.#alarm.step(shownAlerts(state), isTold, this.#head, time_s);
    this.#touch.step(this.#list, (pointer) => this.#panelOf(pointer) === null && !this.#wrist.on(pointer), this.#eyes, time_s);
    const canMove = state.overlayOn && sight !== null && sight.anatomy.shown !== "hidden" && may(state, "set_margin");
    this.#ways.step(canMove ? sight.chosen : null);
    const tip = tipOf(sight);
    if (tip !== null && state.view.followsTip) this.#slice.goTo(inWorld(this.stage.patient, this.stage.headsetFromPatient, tip));
  }

  #leaveGuide(): void {
    this.#isPointing = false;
    if (OF_GUIDE.has(this.#page)) this.#page = "structures";
  }

  /** Only the slice shows where the scan has what is touched again: surfaces may be drawn moved. */
  #pointAt(pointer: Pointer): (() => void) | null {
    const at = this.#isPointing ? this.#slice.meet(pointer.ray) : null;
    if (at === null) return null;
    this.corrections.guide({ kind: "retouch", scan_mm: inPatient(this.stage.patient, this.stage.headsetFromPatient, at) });
    this.#isPointing = false;
    return () => undefined;
  }

  // Hands

  #menus(): void {
    for (const pointer of this.#list) {
      // One press for the overlay, where there is one to see past.
      if (pointer.upper.pressed && this.sights.get() !== null) {
        this.#feedback.give("press", pointer.source);
        this.#intents.toggleOverlay();
        continue;
      }
      if (!pointer.menu.pressed && !pointer.upper.pressed) continue;
      this.#feedback.give("press", pointer.source);
      if (this.#wrist.place === "away") this.#wrist.stand(this.#head, handSide(pointer), this.#worldBounds());
      else this.#wrist.close();
    }
    const owner = this.#list.find((pointer) => this.#wrist.on(pointer));
    // One hand alone: a pinch or press of the hand that carries the panel lets it stand.
    if (owner?.select.pressed) this.#wrist.pin(this.#eyes);
  }

  #panels(): void {
    const touched = (pointer: Pointer, press: boolean): void =>
      this.#feedback.give(press ? "press" : "hover", pointer.source);
    const busy = (pointer: Pointer): boolean => this.#held.has(pointer) || !this.#awake;
    this.#wrist.panel.step(this.#list, (pointer) => busy(pointer) || this.#wrist.on(pointer), touched);
    this.#tag.panel.step(this.#list, (pointer) => busy(pointer) || this.#wrist.panel.owns(pointer), touched);
    // Shown after the hands have acted: what a press changed is seen in the same frame.
    this.#wrist.panel.show(panelControls(this.store.get(), this.#panelView(), this.#intents));
    this.#tag.show(this.#placement.scale, () => this.#intents.setScale(1));
  }

  /** False while the device shows something of its own: hands are not ours then. */
  get #awake(): boolean {
    return this.session.visibilityState === "visible";
  }

  #panelOf(pointer: Pointer): Panel | null {
    return [this.#wrist.panel, this.#tag.panel].find((panel) => panel.owns(pointer)) ?? null;
  }

  #buttons(): void {
    for (const pointer of this.#list) {
      const held = this.#held.get(pointer);
      if (held && pointer[held.by].released) this.#let(pointer, held);
      if (this.#held.has(pointer) || !this.#awake || this.#wrist.on(pointer)) continue;
      // A panel takes presses; a grip means the anatomy wherever it points.
      if (pointer.squeeze.pressed) this.#press(pointer, "squeeze");
      else if (pointer.select.pressed && this.#panelOf(pointer) === null) this.#press(pointer, "select");
      // Pressed and let go within one frame.
      const now = this.#held.get(pointer);
      if (now && !pointer[now.by].held) this.#let(pointer, now);
    }
  }

  #press(pointer: Pointer, by: Held["by"]): void {
    const letGo = this.#takes(pointer, by);
    if (letGo === null) return;
    this.#held.set(pointer, { by, letGo, from: new THREE.Vector3().setFromMatrixPosition(pointer.hold) });
    this.#feedback.give("hover", pointer.source);
  }

  /** What a press takes, nearest meaning first; returns how it is let go, or null when it takes nothing. */
  #takes(pointer: Pointer, by: Held["by"]): (() => void) | null {
    if (by === "select" && this.#touch.wants(pointer)) return () => undefined;
    const pointed = by === "select" ? this.#pointAt(pointer) : null;
    if (pointed !== null) return pointed;
    if (by === "select" && this.#ways.press(pointer)) return () => this.#ways.release(pointer);
    if (by === "select" && this.#slice.carriedBy(pointer)) return this.#setSliceDown();
    if (by === "select" && this.#ruler.press(pointer)) return () => this.#ruler.release(pointer);
    if (by === "select" && this.#corrector.press(pointer)) {
      this.#moved = true; // what a hand works on stays where it is, however it grows
      return () => this.#corrector.release(pointer);
    }
    if (this.#slice.reach(pointer) !== null && !this.#slice.carried) return this.#gripSlice(pointer);
    if (this.#onPatient !== null) return null;
    const meant = by === "squeeze" || this.#grab.count > 0 || this.#aiming.meetsAnatomy(pointer);
    if (!meant || !this.#grab.take(pointer, this.#placement)) return null;
    this.#glide = null;
    this.#moved = true;
    return () => this.#releaseAnatomy(pointer);
  }

  #setSliceDown(): () => void {
    this.#slice.setDown();
    return () => undefined;
  }

  #gripSlice(pointer: Pointer): () => void {
    this.#slice.grip(pointer);
    return () => this.#slice.letGo(pointer);
  }

  #releaseAnatomy(pointer: Pointer): void {
    const held = this.#held.get(pointer)!;
    const moved_m = held.from.distanceTo(new THREE.Vector3().setFromMatrixPosition(pointer.hold));
    this.#grab.letGo(pointer, this.#placement);
    if (this.#grab.count === 0) this.#wrist.makeRoom(this.#head, this.#worldBounds());
    if (held.by === "select" && moved_m < TAP_M) this.#nameAt(pointer);
  }

  #let(pointer: Pointer, held: Held): void {
    held.letGo();
    this.#held.delete(pointer);
  }

  #gone(pointer: Pointer): void {
    const held = this.#held.get(pointer);
    if (held) this.#let(pointer, held);
    this.#slice.gone(pointer);
    this.#visuals.get(pointer)?.dispose();
    this.#visuals.delete(pointer);
  }

  // Anatomy

  #moveAnatomy(time_s: number, dt_s: number): void {
    const before = this.#placement.scale;
    const held = this.#grab.move(dt_s);
    const next = held ?? this.#glide?.at(time_s) ?? null;
    if (next === null) return;
    this.#place(next);
    if (next === this.#glide?.to) this.#glide = null;
    // The hands feel true size as a detent.
    if (held !== null && before !== 1 && held.scale === 1) {
      for (const pointer of this.#list) if (this.#grab.holds(pointer)) this.#feedback.give("detent", pointer.source);
    }
  }

  #glideTo(to: Placement): void {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still) this.#place(to);
    else this.#glide = new Glide(this.#placement, to, this.#time_s);
  }

  #nameAt(pointer: Pointer): void {
    const hit = this.#aiming.hit(pointer, false);
    this.#named = hit && { key: hit.key, at: this.stage.patient.worldToLocal(hit.point.clone()) };
    this.store.update((state) => select(state, hit && { kind: "structure", key: hit.key }));
  }

  // Tools

  #tools(dt_s: number): void {
    const idle = (pointer: Pointer): boolean => !this.#held.has(pointer) && this.#panelOf(pointer) === null;
    const scrolling = this.#list.filter((pointer) => !this.#grab.holds(pointer) && this.#panelOf(pointer) === null);
    this.#slice.step(this.stage.volume, this.#eyes, scrolling, dt_s);
    this.#letters.step(this.#slice.section, this.#slice.normal, this.stage.patient.quaternion, this.#eyes);
    this.#cutAnatomy(this.#slice.isCutting);
    this.#ruler.step(this.#list, idle, this.#eyes);
    this.#corrector.step(this.#list, idle);
  }

  #cutAnatomy(cut: boolean): void {
    const planes = cut ? [this.#slice.cut] : null;
    this.stage.anatomy.group.traverse((each) => {
      if (each instanceof THREE.Mesh) (each.material as THREE.Material).clippingPlanes = planes;
    });
  }

  /** The hand that pressed last carries the slice; without one, the hand that is not busy. */
  #sliceHand(): Pointer | null {
    const pressing = this.#list.find((pointer) => this.#wrist.panel.owns(pointer));
    return pressing ?? this.#list.find((pointer) => pointer.tracked && !this.#wrist.on(pointer)) ?? null;
  }

  #carrySlice(): void {
    const hand = this.#sliceHand();
    if (hand === null || hand.kind === "transient") this.#slice.standOn("coronal", this.#eyes);
    else this.#slice.carry(hand);
  }

  readonly #intents: PanelIntents = {
    turnTo: (page) => {
      this.#page = page;
      this.#first = 0;
    },
    showFrom: (first) => (this.#first = first),
    toggleStructure: (key) => this.store.update((state) => toggleVisible(state, key)),
    setOpacity: (key, opacity) => this.store.update((state) => setOpacity(state, key, opacity)),
    showAll: (visible) => this.store.update((state) => showAll(state, visible)),
    toggleSlice: () => (this.#slice.on ? this.#slice.putAway() : this.#carrySlice()),
    toggleCarry: () => (this.#slice.carried ? this.#slice.setDown() : this.#carrySlice()),
    standOn: (plane: Plane) => this.#slice.standOn(plane, this.#eyes),
    toggleCut: () => (this.#slice.cutting = !this.#slice.cutting),
    usePreset: (name) => this.store.update((state) => applyPreset(state, name)),
    toggleRuler: () => {
      this.#ruler.on = !this.#ruler.on;
      if (this.#ruler.on) this.store.update((state) => setTool(state, "navigate"));
    },
    setTool: (tool) => {
      this.#ruler.on = false; // a trigger means one thing
      this.store.update((state) => setTool(state, tool));
    },
    setBrush: (radius_mm) => this.store.update((state) => setBrush(state, radius_mm)),
    setRange: (low, high) => this.store.update((state) => setRange(state, low, high)),
    step: (direction) => this.corrections.step(direction),
    removeMeasurement: (id) => this.store.update((state) => removeMeasurement(state, id)),
    clearMeasurements: () => this.#ruler.clear(),
    setScale: (scale) => {
      const from = this.#glide?.to ?? this.#placement;
      this.#glideTo(scaledAbout(from, centreOf(from, this.#bounds), restingScale(scale)));
    },
    face: (side: Facing) => {
      const from = this.#glide?.to ?? this.#placement;
      const centre = centreOf(from, this.#bounds);
      const ahead = centre.clone().sub(this.#eyes).setY(0).normalize();
      this.#glideTo(centredAt(centre, facingTurn(side, ahead), from.scale, this.#bounds));
    },
    bringHere: () => this.#bringHere(this.#placement.scale),
    toggleFrameTime: () => (this.#frameTimeAsked = !this.#frameTimeAsked),
    toggleOverlay: () => this.store.update((state) => ({ ...state, overlayOn: !state.overlayOn })),
    toggleFollow: () => this.store.update((state) => setFollowsTip(state, !state.view.followsTip)),
    silence: () => this.corrections.guide({ kind: "quiet", alert: null, how: "silence" }),
    touchLandmark: (id) => this.#touch.choose(this.#touch.landmark === id ? null : id),
    registerHeadset: () => this.corrections.guide({ kind: "solve", headset: true }),
    chooseWay: (id) => this.corrections.guide({ kind: "choose", id: this.sights.get()?.chosen?.id === id ? null : id }),
    trace: (state) => this.corrections.guide({ kind: "trace", state }),
    deform: (state) => this.corrections.guide({ kind: "deform", state }),
    setMargin: (margin, to_mm) => this.#hold(margin).whole(to_mm),
    setSide: (margin, side, to_mm) => this.#hold(margin).side(side, to_mm),
    evenMargin: (margin) => this.#hold(margin).even(),
    openSides: (margin) => this.#open("sides", margin),
    openBands: (node) => this.#open("bands", node),
    setBands: (node, bands) => this.#sendBands({ kind: "bands", node, bands }),
    togglePointing: () => (this.#isPointing = !this.#isPointing),
    reset: () => {
      this.#slice.putAway();
      this.#intents.setTool("navigate");
      this.#named = null;
      this.#bringHere(1);
    },
    leave: () => void this.session.end(),
    pin: () => this.#wrist.pin(this.#eyes),
    close: () => this.#wrist.close(),
  };

  /** The hand on a margin, which follows the session while it is not moved. */
  #hold(margin: MarginBand): MarginHand {
    const { id } = margin;
    const hand = this.#margins.get(id) ?? new MarginHand(latestWins((shape) => this.corrections.guide({ kind: "margin", margin: id, ...shape }), SLIDE_EVERY_MS));
    this.#margins.set(id, hand);
    hand.follow(margin);
    return hand;
  }

  #open(page: Page, of: string): void {
    this.#page = page;
    this.#chosen = of;
  }

  #bringHere(scale: number): void {
    const to = startPlacement(gazeOf(this.#head), this.#bounds, scale);
    const there = new THREE.Matrix4().compose(to.position, to.quaternion, new THREE.Vector3().setScalar(scale));
    this.#glideTo(to);
    this.#wrist.comeAlong(this.#head, this.#bounds.clone().applyMatrix4(there));
  }

  #panelView(): PanelView {
    return {
      page: this.#page,
      first: this.#first,
      scale: (this.#glide?.to ?? this.#placement).scale,
      slice: this.#slice,
      ruler: this.#ruler,
      correcting: Corrector.prompt(this.store.get()),
      frameTime: this.#frameTimeAsked ? this.#frameTimeText : null,
      onWrist: this.#wrist.place === "wrist",
      guide: this.sights.get() === null ? null : { landmark: this.#touch.landmark, done: this.#touch.done, words: this.#guideWords, overlayTime: this.corrections.overlayTime(), pointing: this.#isPointing },
      chosen: this.#chosen,
      marginShape: (margin) => this.#hold(margin).shape,
    };
  }

  // What is seen

  #words(): void {
    this.#tag.panel.fade(this.#placed && this.#onPatient === null ? 1 : 0);
    this.#tag.place(this.#worldBounds(), this.#eyes);
    this.#hint.text = this.#moved ? "" : hintFor(this.#list);
    const below = this.#tag.panel.group.localToWorld(new THREE.Vector3(0, -0.034, 0));
    if (this.#moved || !this.#placed) this.#hint.hide();
    else this.#hint.place(below, this.#eyes);
    this.#statusWords();
    this.#nameWords();
  }

  /** Over the anatomy, where the eyes are; whoever wears a headset does not see the page. */
  #statusWords(): void {
    this.#status.text = statusText(this.store.get());
    const { min, max } = this.#worldBounds();
    const over = new THREE.Vector3((min.x + max.x) / 2, max.y + STATUS_OVER_M, (min.z + max.z) / 2);
    this.#status.place(over, this.#eyes);
  }

  #nameWords(): void {
    const node = this.#named && surfaceOf(this.store.get().scene, this.#named.key);
    this.#name.text = node ? `${node.structure.name} · ${volumeText(node, volumeOf(this.store.get().scene)?.spacing_mm)}` : "";
    if (this.#named) this.#name.place(this.stage.patient.localToWorld(this.#named.at.clone()), this.#eyes);
    else this.#name.hide();
  }

  #show(): void {
    const look = this.mode === "immersive-ar" ? "tip" : "solid";
    for (const pointer of this.#list) {
      const visual = this.#visuals.get(pointer) ?? new PointerVisual(pointer, look);
      if (!this.#visuals.has(pointer)) {
        this.#visuals.set(pointer, visual);
        this.#group.add(visual.group);
      }
      visual.update(pointer, this.#reach(pointer), this.#eyes, isCorrecting(this.store.get().view) && this.#aiming.isNear(pointer));
      visual.group.visible &&= this.#awake;
    }
  }

  /** Where a pointer's ray ends, for its drawing. */
  #reach(pointer: Pointer): number | null {
    if (this.#held.has(pointer)) return null;
    const panel = this.#panelOf(pointer)?.meet(pointer);
    if (panel) return panel.distance_m;
    if (this.#aiming.isNear(pointer)) return 0;
    const slice = this.#slice.carriedBy(pointer) ? null : this.#slice.meet(pointer.ray)?.distanceTo(pointer.ray.origin);
    const nearest = Math.min(slice ?? Infinity, this.#aiming.hovered(pointer, this.#time_s) ?? Infinity);
    return Number.isFinite(nearest) ? nearest : null;
  }

  /** Detail by angular size: pixels that a millimetre of the patient covers in this headset. */
  #refine({ views }: XRViewerPose): void {
    const [view] = views;
    if (!view || this.#time_s - this.#refined.at_s < REFINE_EVERY_S) return;
    // three knows the eye's height in pixels whichever layer the device gave.
    const height_px = this.stage.renderer.xr.getCamera().cameras[0].viewport.w;
    const away_m = Math.max(0.2, this.#worldBounds().distanceToPoint(this.#eyes));
    const pixelsPerMm = ((view.projectionMatrix[5]! * height_px) / 2 / (1000 * away_m)) * this.#placement.scale;
    this.#refined.at_s = this.#time_s;
    if (Math.abs(Math.log2(pixelsPerMm / this.#refined.pixelsPerMm)) < 0.3) return;
    this.#refined.pixelsPerMm = pixelsPerMm;
    this.stage.anatomy.refine(pixelsPerMm, TRIANGLE_BUDGET * BYTES_PER_TRIANGLE);
  }
}

const HINTS: Record<Pointer["kind"], string> = {
  controller: "Hold the grip to move it, both grips to scale. A or X: tools",
  hand: "Pinch to move it, with both hands to scale. Palm up: tools",
  transient: "Look and pinch to move it",
};

function hintFor(pointers: readonly Pointer[]): string {
  const [first] = pointers;
  return first ? HINTS[first.kind] : "";
}

function reportPanel(panel: Panel): PanelReport {
  const scale = panel.group.visible ? panel.group.scale.x : 0;
  return {
    centre: panel.group.position.toArray(),
    facing: new THREE.Vector3(0, 0, 1).applyQuaternion(panel.group.quaternion).toArray(),
    scale,
    controls: panel.controls.map((control) => ({
      id: control.id,
      kind: control.kind,
      text: control.text,
      on: control.kind === "press" ? control.on : null,
      centre: panel.place(control.rect).toArray(),
      width_m: (control.rect.w_mm / 1000) * scale,
      height_m: (control.rect.h_mm / 1000) * scale,
    })),
  };
}

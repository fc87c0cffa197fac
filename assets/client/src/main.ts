// Starts the page: puts state, server, stage, panels and headset together. The only place that knows them all.

import * as THREE from "three";

import { demoSurfaces } from "./demo/demo_surface";
import { demoScene } from "./demo/phantom";
import { apply, inverse, type Vec3 } from "./model/affine";
import { AS_SHOWN, sceneFreshness } from "./model/freshness";
import { receiveJob, receiveOp, receiveScene, trackedOf, volumeOf } from "./model/scene";
import { failureOf, nameOf, named, type Dropped } from "./model/dropped";
import { forScan, forSegmentation, forStudy } from "./model/opening";
import { distance } from "./model/affine";
import { VERIFIED, worse } from "./model/overlay";
import { OverlayLog, TELL_EVERY_S } from "./model/overlay_log";
import { Poses } from "./model/poses";
import { Readings, sightOf, tipOf, type Sight } from "./model/sight";
import { INITIAL_STATE, type AppStore } from "./model/state";
import { createStore, type Store } from "./model/store";
import { may } from "./model/self";
import { aged, shownViews, surfaces } from "./model/structures";
import { heard, linkAlertOf, shownAlerts } from "./model/alarm";
import { AlarmSound } from "./sound/alarm_sound";
import { followTip, isCorrecting, rangeOf, setCursor } from "./model/view";
import type { Actions } from "./page/actions";
import { acceptDrops, createPickers, type Picked } from "./page/drop";
import { element } from "./page/element";
import { createFrame } from "./page/frame";
import { askForCode } from "./page/pairing";
import { Grid } from "./page/viewports";
import { glbSource } from "./three/glb_source";
import { PlanMarks } from "./three/plan_marks";
import { SlicePlanes } from "./three/slice_plane";
import { createStage, type PageStage } from "./three/stage";
import { Tools } from "./three/tools";
import { VolumeLoader } from "./volume/loader";
import { matrix } from "./volume/texture";
import { cancelJob, changeRole, findJob, invite, library, me, members, pair, Refused, removeStudy, sendOut, startJob, Unreachable } from "./wire/api";
import type { ClientMessage, OpenRequest, ServerMessage, ShownAsk, Study } from "./wire/messages";
import { Socket } from "./wire/socket";
import { uploadStudy } from "./wire/upload";
import { createHeadset, type Headset } from "./xr/headset";

declare global {
  interface Window {
    sightline?: { store: AppStore; stage: PageStage; xr: Headset; ready: Promise<void>; actions: Actions; tools: Tools; sights: Store<Sight | null>; sound: AlarmSound; Raycaster: typeof THREE.Raycaster };
  }
}

const demo = new URLSearchParams(location.search).has("demo");
const store: AppStore = createStore(INITIAL_STATE);
/** What may be shown of a guidance session now; null while nothing is guided. */
const sights = createStore<Sight | null>(null);

/** Bytes that surfaces may take: on a graphics card, and where the processor draws them. */
const SURFACE_BYTES = { card: 512e6, processor: 4e6 };
/** A pause this long after turning or zooming brings the detail that fits the new distance. */
const REFINE_AFTER_MS = 250;
/** Half of what a tracked tool may be old before its ageing is seen. */
const FRESHNESS_EVERY_MS = 25;
/** Slices are cut anew at most this often, and for no less than this, while they follow a tip. */
const FOLLOW_EVERY_MS = 66;
const FOLLOW_MM = 0.3;
/** So far round the tip what is drawn thins out. */
const THIN_MM = 15;

// --- the server --------------------------------------------------------------------------------

const UNKNOWN = failureOf("Something went wrong in this page.", "Reload the page.");

const NO_SCAN = failureOf("This is a segmentation without the scan that it was drawn on.", "Open the scan first, then the segmentation again.");

/** What could not be done for want of a server. */
let again: (() => void) | null = null;

function fail(error: unknown, retry: (() => void) | null = null, dropped?: Dropped): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const failure = named(error instanceof Refused ? error.failure : UNKNOWN, dropped);
  again = error instanceof Unreachable ? retry : null;
  store.update((state) => ({ ...state, failure, canRetry: again !== null, askedHere: false }));
}

/** Does what a person asked for; where nobody answers, it can be tried again. */
function attempt(act: () => Promise<void>): void {
  act().catch((error: unknown) => fail(error, () => attempt(act)));
}

async function refreshLibrary(): Promise<void> {
  const found = await library();
  store.update((state) => ({ ...state, library: found }));
}

function receive(message: ServerMessage): void {
  switch (message.type) {
    case "snapshot": {
      const running = message.jobs.find((job) => job.state === "running" || job.state === "queued") ?? null;
      store.update((state) => ({ ...receiveScene(state, message.scene), job: running }));
      break;
    }
    case "op":
      store.update((state) => receiveOp(state, message.op));
      break;
    case "job":
      store.update((state) => receiveJob(state, message.job));
      break;
    case "welcome":
      store.update((state) => ({ ...state, self: { member: message.member, role: message.role, may: message.may }, recording: message.recording, hubs: message.hubs }));
      if (message.may.includes("open")) attempt(refreshLibrary);
      break;
    case "session":
      store.update((state) => ({ ...state, recording: message.recording, hubs: message.hubs }));
      break;
    case "refused":
      if (takenBack(message.request)) break;
      store.update((state) => ({ ...state, announcement: `That could not be done: ${message.summary}.` }));
      break;
    case "error":
      store.update((state) => ({ ...state, failure: failureOf(message.summary), canRetry: false }));
  }
}

/** After a lost connection: what failed for want of it is asked for again, and a job may be over. */
function catchUp(): void {
  stage.anatomy.retry();
  if (store.get().volume.state === "failed") {
    noVolume();
    loadVolume();
  }
  const { job } = store.get();
  if (job === null) return;
  findJob(job.id).then(
    (now) => store.update((state) => receiveJob(state, now)),
    () => store.update((state) => (state.job?.id === job.id ? { ...state, job: null } : state)),
  );
}

const sound = new AlarmSound();
for (const gesture of ["pointerdown", "keydown"]) window.addEventListener(gesture, () => sound.wake());
store.watch((state) => heard(shownAlerts(state)), (alert) => sound.play(alert));

let socket: Socket | null = null;
const poses = new Poses();
const readings = new Readings();
const overlayLog = new OverlayLog();
const tools = new Tools(poses);
const plan = new PlanMarks();

/** A secret stands in the fragment, which no server sees; it leaves the address bar at once. */
async function comeIn(): Promise<void> {
  const secret = new URLSearchParams(location.hash.slice(1)).get("pair");
  if (secret !== null) {
    history.replaceState(null, "", location.pathname + location.search);
    if ((await tryCode(secret)) === null) return;
  }
  if ((await me()).role === null) await askForCode(tryCode);
}

/** Why a code does not let in; null once it has. */
async function tryCode(code: string): Promise<string | null> {
  try {
    await pair(code);
    return null;
  } catch (error) {
    return error instanceof Refused ? error.failure.summary : "the server does not answer";
  }
}

async function connect(): Promise<void> {
  await comeIn();
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
  socket = new Socket(url, {
    message: receive,
    pose: (pose) => {
      poses.take(pose);
      stage.invalidate();
    },
    reading: (reading) => readings.take(reading),
    live: (isNew) => {
      store.update((state) => ({ ...state, connection: "live", lostSince_s: null }));
      if (isNew) catchUp();
      if (isNew) tellOverlay();
    },
    lost: (silent_s) => {
      poses.forget();
      readings.forget();
      look();
      stage.invalidate();
      store.update((state) => ({ ...state, connection: "lost", lostSince_s: state.lostSince_s ?? silent_s }));
    },
  });
}

/** Poses grow old and silence grows long whether or not anything comes. */
function showFreshness(): void {
  const silence_s = socket?.silence_s() ?? 0;
  const overPatient = xr.state.get().mode === "immersive-ar";
  const freshness = demo ? "fresh" : sceneFreshness(silence_s, overPatient);
  if (freshness !== store.get().freshness) store.update((state) => ({ ...state, freshness }));
  look();
  if (poses.any) redrawMoved();
}

const hub_s = (): number | null => {
  const offset = socket?.offset() ?? null;
  return offset === null ? null : performance.now() / 1000 + offset.offset_s;
};

/** What may be shown now; whether or not anything came, for ages run on by themselves. */
function look(): void {
  const { scene, self } = store.get();
  const seesThrough = xr.state.get().mode === "immersive-ar";
  const sight = sightOf(scene, readings, poses, { hub_s: hub_s(), member: self?.member ?? null, seesThrough });
  if (sight === null && sights.get() === null) return;
  sights.update(() => sight);
  const overlay = sight?.anatomy ?? VERIFIED;
  const now = store.get().overlay;
  if (overlay.shown !== now.shown || overlay.why !== now.why) store.update((state) => ({ ...state, overlay }));
  noteLevels(sight);
  noteOverlay(sight);
  follow(sight);
  redrawMoved();
}

/** What moves is drawn as often as the machine draws; what changes its state, at once. */
const SOFTWARE_EVERY_MS = 250;
let moved = { at_ms: -Infinity, states: "" };
function redrawMoved(): void {
  const sight = sights.get();
  const states = sight === null ? "" : [sight.anatomy.shown, ...sight.tools.map(({ drawn }) => drawn.shown)].join();
  const now_ms = performance.now();
  if (stage.isSoftware && states === moved.states && now_ms - moved.at_ms < SOFTWARE_EVERY_MS) return;
  moved = { at_ms: now_ms, states };
  stage.invalidate();
}

/** The worst level that was last known of any tool: how urgent it is that nothing is known any more. */
let lastLevel = 0;
function noteLevels(sight: Sight | null): void {
  const known = sight?.tools.flatMap(({ distances }) => distances.filter((each) => each.known !== null)) ?? [];
  if (known.length > 0) lastLevel = Math.max(...known.map(({ level }) => level));
  const isCut = store.get().connection === "lost" && sight !== null;
  if (isCut === (store.get().linkAlert !== null)) return;
  store.update((state) => ({ ...state, linkAlert: isCut ? linkAlertOf(lastLevel, hub_s() ?? 0) : null }));
}

function noteOverlay(sight: Sight | null): void {
  if (sight !== null) {
    overlayLog.note(store.get().overlayOn && sight.anatomy.shown !== "hidden" && document.visibilityState === "visible", performance.now() / 1000);
    return;
  }
  tellOverlay();
  overlayLog.reset();
}

/** What was told last, by its requests. */
const told = new Map<string, ShownAsk>();

/** For how long the overlay was on goes to the server's log; what it cannot be told now stays to be told. */
function tellOverlay(): void {
  const { scene, connection } = store.get();
  if (scene === null || connection !== "live") return;
  told.clear();
  overlayLog.tell((shown) => {
    const request = crypto.randomUUID();
    told.set(request, shown);
    return socket?.send({ type: "guide", request, scene: scene.id, ask: shown, by: null }) ?? false;
  });
}

/** Whether that was told and not taken: it is to be told again. Nobody asked for it by hand, so nobody hears of it. */
function takenBack(request: string): boolean {
  const shown = told.get(request);
  if (shown !== undefined) overlayLog.takeBack(shown);
  return told.delete(request);
}

window.setInterval(() => {
  if (sights.get() !== null) tellOverlay();
}, 1000 * TELL_EVERY_S);
window.addEventListener("pagehide", () => tellOverlay());

let followed_ms = -Infinity;
function follow(sight: Sight | null): void {
  const { view } = store.get();
  const tip = tipOf(sight);
  const now_ms = performance.now();
  if (!view.followsTip || tip === null || view.cursor_mm === null || now_ms - followed_ms < FOLLOW_EVERY_MS) return;
  if (distance(tip, view.cursor_mm) < FOLLOW_MM) return;
  followed_ms = now_ms;
  store.update((state) => followTip(state, tip));
}

// --- what a person asks for --------------------------------------------------------------------

/** Where the time is kept that the overlay was on. */
const OVERLAY_KEPT = {
  demo: "Kept on this page only.",
  refused: "Kept on this page only: the server did not take it.",
  connecting: "Kept here until the server is back.",
  lost: "Kept here until the server is back.",
  live: "Kept in the server's log.",
} as const;

let sending: AbortController | null = null;

async function sendFiles(files: readonly Picked[]): Promise<void> {
  if (files.length === 0 || sending !== null) return;
  const dropped: Dropped = { name: nameOf(files.map(({ path }) => path)), files: files.map(({ file }) => file.name) };
  sending = new AbortController();
  const { signal } = sending;
  const start_s = performance.now() / 1000;
  const upload = { files: files.length, sentFiles: 0, fraction: 0, eta_s: null };
  store.update((state) => ({ ...state, upload, failure: null }));
  try {
    const study = await uploadStudy(files.map(({ file }) => file), ({ sentFiles, sentBytes, totalBytes }) => {
      const fraction = totalBytes > 0 ? sentBytes / totalBytes : 0;
      const passed_s = performance.now() / 1000 - start_s;
      const eta_s = fraction > 0.02 ? (passed_s * (1 - fraction)) / fraction : null;
      store.update((state) => ({ ...state, upload: { ...upload, sentFiles, fraction, eta_s } }));
    }, signal);
    store.update((state) => ({ ...state, dropped: { ...state.dropped, [study.id]: dropped } }));
    await refreshLibrary();
    signal.throwIfAborted();
    await open(forStudy(study, store.get().scene));
    if (signal.aborted) cancelRunning(); // asked for while the server was starting the job
  } catch (error) {
    fail(error, () => void sendFiles(files), dropped);
  } finally {
    sending = null;
    store.update((state) => ({ ...state, upload: null }));
  }
}

async function open(request: OpenRequest | null): Promise<void> {
  if (request === null) throw new Refused(NO_SCAN);
  store.update((state) => ({ ...state, askedHere: true, announcement: null }));
  const job = await startJob(request);
  store.update((state) => receiveJob(state, job));
}

async function remove(study: Study): Promise<void> {
  await removeStudy(study.id);
  await refreshLibrary();
}

function cancelRunning(): void {
  const { job } = store.get();
  if (job) void cancelJob(job.id).then((now) => store.update((state) => receiveJob(state, now)), (error: unknown) => fail(error));
}

const actions: Actions = {
  openScan: (study, series, phase) => attempt(() => open(forScan(study, series, phase))),
  openSegmentation: (study, series) => attempt(() => open(forSegmentation(study, series, store.get().scene))),
  removeStudy: (study) => attempt(() => remove(study)),
  tryAgain: () => {
    store.update((state) => ({ ...state, failure: null }));
    again?.();
  },
  sendFiles: (files) => void sendFiles(files),
  cancel: () => {
    sending?.abort();
    cancelRunning();
  },
  retryConnection: () => socket?.retry(),
  goTo,
  paint,
  threshold,
  step: (direction) => ask((request) => ({ ...request, type: "step", direction, by: null })),
  guide: (guided) => ask((request) => ({ ...request, type: "guide", ask: guided, by: null }), "Not connected: nothing was asked."),
  isHeard: () => sound.isAwake,
  overlayTime: () => overlayLog.words,
  overlayKept: () => OVERLAY_KEPT[demo ? "demo" : overlayLog.isRefused ? "refused" : store.get().connection],
  unreadable: (count) => overlayLog.noteUnreadable(count),
  people: { invite, members, changeRole, sendOut },
  resetView: () => {
    stage.resetView(true);
    grid.resetZoom();
  },
  lookFrom: (direction) => stage.lookFrom(new THREE.Vector3(...direction)),
  chooseFiles: (folder) => pickers.open(folder),
};

/** Brings the slices to a structure, once its surface is here. */
function goTo(key: string): void {
  const place = stage.anatomy.placeOf(key)?.applyMatrix4(stage.headsetFromPatient.clone().invert());
  if (place) store.update((state) => setCursor(state, [place.x, place.y, place.z]));
}

// --- corrections ---------------------------------------------------------------------------------

const tell = (announcement: string): void => store.update((state) => ({ ...state, announcement }));

/** A request of the open scene's; says so where it cannot be sent. */
function ask(made: (request: { request: string; scene: string }) => ClientMessage, otherwise = "Not connected: this was not corrected."): void {
  const { scene } = store.get();
  if (scene === null) return;
  const request = { request: crypto.randomUUID(), scene: scene.id };
  if (!socket?.send(made(request))) tell(otherwise);
}

/** The structure that is to be corrected; says what to do where none is chosen. */
function chosen(): string | null {
  const { selection } = store.get();
  if (selection?.kind === "structure") return selection.key;
  tell("Choose a structure in the list first: the brush paints it, the eraser takes from it.");
  return null;
}

const triple = ([x, y, z]: Vec3): [number, number, number] => [x, y, z];

function paint(points_mm: readonly Vec3[], movement: string): void {
  const key = chosen();
  const { view } = store.get();
  const tool = view.tool === "eraser" ? "eraser" : "brush";
  if (key !== null) ask((request) => ({ ...request, type: "stroke", tool, key, points_mm: points_mm.map(triple), radius_mm: view.radius_mm, over: [], values: null, movement, by: null }));
}

function threshold(from_mm: Vec3, to_mm: Vec3): void {
  const key = chosen();
  const range = rangeOf(store.get());
  if (key === null || range === null) return;
  ask((request) => ({ ...request, type: "stroke", tool: "threshold", key, points_mm: [triple(from_mm), triple(to_mm)], radius_mm: 0, over: [], values: [range[0], range[1]], movement: null, by: null }));
}

store.watch((state) => isCorrecting(state.view), (painting) => {
  if (painting) ask((request) => ({ ...request, type: "prepare" }));
});

// --- the picture -------------------------------------------------------------------------------

const pickers = createPickers((files) => actions.sendFiles(files));
const grid = new Grid(store, sights);
const stage = createStage(grid.pane3d, demo ? demoSurfaces : glbSource, (drawn) => store.update((state) => ({ ...state, drawn })));
const xr = createHeadset(stage, store, sights, actions);
let loader: VolumeLoader | null = null;
let planes: SlicePlanes | null = null;
stage.patient.add(tools.group, plan.group);
stage.scene.add(tools.labels, plan.labels);

function sampleAtCursor(): number | null {
  const { scene, view } = store.get();
  const volume = volumeOf(scene);
  if (!volume || !view.cursor_mm) return null;
  const [i, j, k] = apply(inverse(volume.patient_from_voxel), view.cursor_mm).map(Math.round) as [number, number, number];
  return loader?.sample(i, j, k) ?? null;
}

document.getElementById("app")!.append(createFrame(store, sights, actions, grid.element, xr, sampleAtCursor), element("div", { hidden: true }, ...pickers.elements));
grid.attach(stage, actions);
stage.resize();

let refineTimer = 0;
function refineSoon(): void {
  window.clearTimeout(refineTimer);
  refineTimer = window.setTimeout(() => stage.anatomy.refine(stage.pixelsPerMm() * window.devicePixelRatio, stage.isSoftware ? SURFACE_BYTES.processor : SURFACE_BYTES.card), REFINE_AFTER_MS);
}
stage.controls.addEventListener("change", refineSoon);

function colour(): void {
  const { structures, solo, selection, scene } = store.get();
  const { freshness, overlay, overlayOn } = store.get();
  const shown = worse(AS_SHOWN[freshness], overlay.shown);
  const views = aged(shownViews(structures, solo), shown);
  const isOverPatient = xr.state.get().mode === "immersive-ar" && scene?.guidance != null;
  stage.anatomy.group.visible = shown !== "hidden" && (overlayOn || !isOverPatient);
  stage.anatomy.setShown(shown);
  stage.anatomy.paint(views, selection?.kind === "structure" ? selection.key : null);
  stage.volume?.setPalette(surfaces(scene).flatMap(({ structure }) => {
    const view = views[structure.key];
    return view && structure.label > 0 ? [{ label: structure.label, colour: view.colour, visible: view.visible }] : [];
  }));
  stage.invalidate();
}

function noVolume(): void {
  loader?.dispose();
  planes?.dispose();
  loader = planes = null;
  stage.setVolume(null);
  grid.setVoxels(null);
}

function loadVolume(): void {
  const { scene } = store.get();
  const volume = volumeOf(scene);
  if (scene === null || volume === undefined || loader !== null) return;
  const set = (part: Partial<typeof INITIAL_STATE.volume>): void => store.update((state) => ({ ...state, volume: { ...state.volume, ...part } }));
  set({ state: "loading", fraction: 0 });
  loader = new VolumeLoader(volume, scene.headset_from_patient, stage.renderer, {
    texture: (texture) => {
      stage.setVolume(texture);
      if (texture.reduction > 1) set({ note: `3-D slices show one voxel in ${texture.reduction} along each axis, to fit this device.` });
      planes = new SlicePlanes(texture, stage.headsetFromPatient);
      stage.patient.add(planes.group);
      showWindow();
      showPlanes();
      colour();
    },
    progress: (fraction) => set({ fraction, state: fraction < 1 ? "loading" : "ready" }),
    arrived: () => grid.draw(),
    failed: () => set({ state: "failed", note: "The slices could not be brought. Reload the page to try again." }),
  });
  grid.setVoxels(loader.voxels);
  loader.setBoxes(volume.label_boxes);
}

function showWindow(): void {
  const { window: display } = store.get().view;
  if (display) stage.volume?.setWindow(display.low, display.high);
  stage.invalidate();
}

function showPlanes(): void {
  const { view } = store.get();
  if (planes === null) return;
  const isSeen = view.slicesIn3d || planes.group.visible;
  planes.group.visible = view.slicesIn3d;
  if (view.slicesIn3d && view.cursor_mm) planes.setCursor(view.cursor_mm, stage.patient);
  if (isSeen) stage.invalidate();
}

/** What edits changed: surfaces in their bricks, labels in their boxes. */
function showEdits(): void {
  const volume = volumeOf(store.get().scene);
  if (volume === undefined) return;
  stage.anatomy.setLattice(stage.headsetFromPatient.clone().multiply(matrix(volume.patient_from_voxel)).invert(), volume.shape);
  stage.anatomy.applyPatches().then(() => stage.invalidate(), (error: unknown) => fail(error));
  loader?.setBoxes(volume.label_boxes);
}

/** Margins and deformations: vertices elsewhere. */
function showMoves(): void {
  stage.anatomy.applyMoves().catch((error: unknown) => fail(error));
}

/** A scene's first surface comes before any voxel: the eye waits for it, the line is shared. */
function loadVolumeAfterSurfaces(): void {
  const { drawn, scene } = store.get();
  const isBare = surfaces(scene).length === 0;
  if (isBare || (drawn.total > 0 && drawn.ready + drawn.failed >= drawn.total)) loadVolume();
}

store.watch((state) => state.scene?.id ?? null, () => {
  noVolume();
  settled = false;
  stage.anatomy.tellAgain();
  const { scene } = store.get();
  if (scene) stage.setHeadsetFromPatient(scene.headset_from_patient);
});
store.watch((state) => state.scene, (scene) => {
  stage.anatomy.setNodes(surfaces(scene), scene?.id ?? null);
  tools.setNodes(trackedOf(scene));
  plan.setGuidance(scene?.guidance ?? null);
  colour();
  showEdits();
  showMoves();
  loadVolumeAfterSurfaces();
});
for (const part of ["structures", "solo", "selection", "freshness", "overlay", "overlayOn"] as const) store.watch((state) => state[part], colour);
store.watch((state) => state.view.window, showWindow);
store.watch((state) => state.view.cursor_mm, showPlanes);
store.watch((state) => state.view.slicesIn3d, showPlanes);
/** Whether the scene's first surfaces have set the distance; later ones never move what is being looked at. */
let settled = false;
store.watch((state) => state.drawn, ({ ready, failed, total }) => {
  if (ready === 0) return;
  colour();
  const whole = ready + failed >= total;
  if (!settled) stage.resetView(false);
  const { scene } = store.get();
  const [first] = surfaces(scene);
  // What others drew is what is looked for: the slices start there.
  if (whole && !settled && scene?.opened?.labels && first) goTo(first.structure.key);
  settled ||= whole;
  if (whole) refineSoon();
});
store.watch((state) => state.drawn, loadVolumeAfterSurfaces);
xr.state.watch((state) => state.mode, () => {
  look();
  colour();
});
window.setInterval(showFreshness, FRESHNESS_EVERY_MS);
stage.onFrame(() => {
  const { renderer, camera } = stage;
  if (renderer.xr.isPresenting) look();
  const { scene, overlayOn } = store.get();
  const sight = sights.get();
  const eyes = (renderer.xr.isPresenting ? renderer.xr.getCamera() : camera).getWorldPosition(new THREE.Vector3());
  tools.update(scene, stage.headsetFromPatient, hub_s(), eyes, sight, overlayOn);
  plan.update(sight, stage.headsetFromPatient, overlayOn, eyes);
  const tip = tipOf(sight);
  stage.anatomy.thinAt(tip && new THREE.Vector3(...tip).applyMatrix4(stage.headsetFromPatient), THIN_MM);
  if (loader?.step() && store.get().view.slicesIn3d) stage.invalidate();
});

acceptDrops((files) => {
  if (may(store.get(), "upload")) actions.sendFiles(files);
  else tell("In this session a surgeon, an assistant or an educator opens studies.");
});
const ready = demo ? Promise.resolve() : connect();
ready.catch((error: unknown) => fail(error));
if (demo) store.update((state) => receiveScene({ ...state, connection: "live" }, demoScene()));
window.sightline = { store, stage, xr, ready, actions, tools, sights, sound, Raycaster: THREE.Raycaster };

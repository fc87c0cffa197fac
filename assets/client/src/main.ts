// Starts the page: puts state, server, stage, panels and headset together. The only place that knows them all.

import * as THREE from "three";

import { demoSurfaces } from "./demo/demo_surface";
import { demoScene } from "./demo/phantom";
import { apply, inverse, type Vec3 } from "./model/affine";
import { sceneFreshness } from "./model/freshness";
import { receiveJob, receiveOp, receiveScene, trackedOf, volumeOf } from "./model/scene";
import { failureOf, nameOf, named, type Dropped } from "./model/dropped";
import { forScan, forSegmentation, forStudy } from "./model/opening";
import { INITIAL_STATE, type AppStore } from "./model/state";
import { createStore } from "./model/store";
import { may } from "./model/self";
import { aged, shownViews, surfaces } from "./model/structures";
import { isCorrecting, rangeOf, setCursor } from "./model/view";
import type { Actions } from "./page/actions";
import { acceptDrops, createPickers, type Picked } from "./page/drop";
import { element } from "./page/element";
import { createFrame } from "./page/frame";
import { askForCode } from "./page/pairing";
import { Grid } from "./page/viewports";
import { glbSource } from "./three/glb_source";
import { SlicePlanes } from "./three/slice_plane";
import { createStage, type PageStage } from "./three/stage";
import { Tools } from "./three/tools";
import { VolumeLoader } from "./volume/loader";
import { matrix } from "./volume/texture";
import { cancelJob, changeRole, findJob, invite, library, me, members, pair, Refused, removeStudy, sendOut, startJob, Unreachable } from "./wire/api";
import type { ClientMessage, OpenRequest, ServerMessage, Study } from "./wire/messages";
import { Socket } from "./wire/socket";
import { uploadStudy } from "./wire/upload";
import { createHeadset, type Headset } from "./xr/headset";

declare global {
  interface Window {
    sightline?: { store: AppStore; stage: PageStage; xr: Headset; ready: Promise<void>; actions: Actions; tools: Tools; Raycaster: typeof THREE.Raycaster };
  }
}

const demo = new URLSearchParams(location.search).has("demo");
const store: AppStore = createStore(INITIAL_STATE);

/** Bytes that surfaces may take: on a graphics card, and where the processor draws them. */
const SURFACE_BYTES = { card: 512e6, processor: 4e6 };
/** A pause this long after turning or zooming brings the detail that fits the new distance. */
const REFINE_AFTER_MS = 250;
/** Half of what a tracked tool may be old before it fades. */
const FRESHNESS_EVERY_MS = 75;

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
      store.update((state) => ({ ...state, self: { role: message.role, may: message.may }, recording: message.recording, hubs: message.hubs }));
      if (message.may.includes("open")) attempt(refreshLibrary);
      break;
    case "session":
      store.update((state) => ({ ...state, recording: message.recording, hubs: message.hubs }));
      break;
    case "refused":
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

let socket: Socket | null = null;
const tools = new Tools();

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
      tools.take(pose);
      stage.invalidate();
    },
    reading: () => undefined,
    live: (isNew) => {
      store.update((state) => ({ ...state, connection: "live", lostSince_s: null }));
      if (isNew) catchUp();
    },
    lost: (silent_s) => {
      tools.forgetPoses();
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
  if (tools.hasPoses) stage.invalidate();
}

// --- what a person asks for --------------------------------------------------------------------

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
function ask(made: (request: { request: string; scene: string }) => ClientMessage): void {
  const { scene } = store.get();
  if (scene === null) return;
  const request = { request: crypto.randomUUID(), scene: scene.id };
  if (!socket?.send(made(request))) tell("Not connected: this was not corrected.");
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
const grid = new Grid(store);
const stage = createStage(grid.pane3d, demo ? demoSurfaces : glbSource, (drawn) => store.update((state) => ({ ...state, drawn })));
const xr = createHeadset(stage, store, actions);
let loader: VolumeLoader | null = null;
let planes: SlicePlanes | null = null;
stage.patient.add(tools.group);
stage.scene.add(tools.labels);

function sampleAtCursor(): number | null {
  const { scene, view } = store.get();
  const volume = volumeOf(scene);
  if (!volume || !view.cursor_mm) return null;
  const [i, j, k] = apply(inverse(volume.patient_from_voxel), view.cursor_mm).map(Math.round) as [number, number, number];
  return loader?.sample(i, j, k) ?? null;
}

document.getElementById("app")!.append(createFrame(store, actions, grid.element, xr, sampleAtCursor), element("div", { hidden: true }, ...pickers.elements));
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
  const { freshness } = store.get();
  const views = aged(shownViews(structures, solo), freshness);
  stage.anatomy.group.visible = freshness !== "hidden";
  stage.anatomy.paint(views, selection?.kind === "structure" ? selection.key : null);
  stage.volume?.setPalette(surfaces(scene).flatMap(({ structure }) => {
    const view = views[structure.key];
    return view ? [{ label: structure.label, colour: view.colour, visible: view.visible }] : [];
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
  colour();
  showEdits();
  showMoves();
  loadVolumeAfterSurfaces();
});
for (const part of ["structures", "solo", "selection", "freshness"] as const) store.watch((state) => state[part], colour);
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
window.setInterval(showFreshness, FRESHNESS_EVERY_MS);
stage.onFrame(() => {
  const offset = socket?.offset() ?? null;
  const { renderer, camera } = stage;
  const eyes = (renderer.xr.isPresenting ? renderer.xr.getCamera() : camera).getWorldPosition(new THREE.Vector3());
  tools.update(store.get().scene, stage.headsetFromPatient, offset === null ? null : performance.now() / 1000 + offset.offset_s, eyes);
  if (loader?.step() && store.get().view.slicesIn3d) stage.invalidate();
});

acceptDrops((files) => {
  if (may(store.get(), "upload")) actions.sendFiles(files);
  else tell("In this session a surgeon, an assistant or an educator opens studies.");
});
const ready = demo ? Promise.resolve() : connect();
ready.catch((error: unknown) => fail(error));
if (demo) store.update((state) => receiveScene({ ...state, connection: "live" }, demoScene()));
window.sightline = { store, stage, xr, ready, actions, tools, Raycaster: THREE.Raycaster };

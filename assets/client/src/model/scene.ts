// What the server says becomes state: snapshots, numbered ops, jobs. Pure; the socket feeds it.

import { apply, type Vec3 } from "./affine";
import { cut_mm } from "./anatomical";
import { seenPatches } from "./blocks";
import { failureOf, named } from "./dropped";
import { INITIAL_STATE, type State, type View, type Window } from "./state";
import { defaultViews, surfaces } from "./structures";
import type { EditScene, Job, LabelBox, MoveSurface, Op, Registration, RenewScene, Scene, SceneNode, TrackedNode, VolumeNode, WindowPreset } from "../wire/messages";

export function volumeOf(scene: Scene | null): VolumeNode | undefined {
  return scene?.nodes.find((node) => node.kind === "volume");
}

export function windowOf(preset: WindowPreset): Window {
  return { preset: preset.name, low: preset.low, high: preset.high };
}

/** Centre of the voxel grid in patient millimetres. */
export function centre_mm(volume: VolumeNode): Vec3 {
  const [i, j, k] = volume.shape;
  return apply(volume.patient_from_voxel, [(i - 1) / 2, (j - 1) / 2, (k - 1) / 2]);
}

/** Value that an int16 sample of the wire stands for. */
export function valueOfSample(volume: VolumeNode, sample: number): number {
  const [low, high] = volume.value_range;
  return low + ((sample + 32768) / 65535) * (high - low);
}

/** The int16 sample of the wire that stands for a value; not rounded, may lie outside int16. */
export function sampleOfValue(volume: VolumeNode, value: number): number {
  const [low, high] = volume.value_range;
  return ((value - low) / (high - low)) * 65535 - 32768;
}

/**
 * Which scan a scene shows, whatever segmentation lies over it: measurements belong to the scan. Told by its series,
 * which stays the same when the server starts anew.
 */
function scanOf(scene: Scene): string {
  const { opened } = scene;
  return opened?.series ? `${opened.series}/${opened.phase}` : scene.id;
}

/** Every scan's measurements, those of the one shown now among them. */
function keptWith(state: State): State["kept"] {
  return state.scene ? { ...state.kept, [scanOf(state.scene)]: state.measurements } : state.kept;
}

/** What a person is told when another window put another scan in the place of theirs. */
function announcementOf(state: State, scene: Scene | null): string | null {
  if (state.scene === null || scene === null || state.askedHere || scanOf(scene) === scanOf(state.scene)) return null;
  const told = `“${scene.title}” was opened in another window.`;
  const count = state.measurements.length;
  if (count === 0) return told;
  const yours = count === 1 ? "Your measurement is" : `Your ${count} measurements are`;
  return `${told} ${yours} kept: open “${state.scene.title}” again to see ${count === 1 ? "it" : "them"}.`;
}

/** Another scene: views start from its defaults; measurements stay with their scan. */
export function openScene(state: State, scene: Scene | null): State {
  const volume = volumeOf(scene);
  const preset = volume?.presets[0];
  const view: View = {
    ...state.view,
    window: preset ? windowOf(preset) : null,
    cursor_mm: volume ? cut_mm(volume.patient_from_voxel, centre_mm(volume)) : null,
    pending_mm: null,
    range: null,
    tool: "navigate",
  };
  const nodes = surfaces(scene);
  const kept = keptWith(state);
  return {
    ...state,
    scene,
    kept,
    askedHere: false,
    announcement: announcementOf(state, scene),
    view,
    failure: null,
    structures: defaultViews(nodes),
    solo: null,
    selection: null,
    rubber_mm: null,
    measurements: scene ? (kept[scanOf(scene)] ?? []) : [],
    volume: INITIAL_STATE.volume,
    drawn: { ready: 0, total: 0, failed: 0 },
  };
}

/** The scene as the server knows it. The same scene again keeps what the person chose. */
export function receiveScene(state: State, scene: Scene | null): State {
  if (scene === null || state.scene?.id !== scene.id) return openScene(state, scene);
  return withNodes(state, scene);
}

/** One numbered change. */
export function receiveOp(state: State, op: Op): State {
  if (op.kind === "replace_scene") return receiveScene(state, op.scene);
  if (state.scene === null) return state;
  if (op.kind === "edit_scene") return withNodes(state, { ...state.scene, nodes: state.scene.nodes.map((node) => edited(node, op)) });
  if (op.kind === "renew_scene") return withNodes(state, { ...state.scene, nodes: state.scene.nodes.map((node) => renewed(node, op)) });
  if (op.kind === "move_surface") return withNodes(state, { ...state.scene, nodes: state.scene.nodes.map((node) => moved(node, op)) });
  if (op.kind === "set_registration") return withNodes(state, registered(state.scene, op.registration));
  if (op.kind === "set_guidance") return withNodes(state, { ...state.scene, guidance: op.guidance, alerts: op.guidance ? state.scene.alerts : [] });
  if (op.kind === "set_alerts") return withNodes(state, { ...state.scene, alerts: op.alerts });
  const id = op.kind === "put_node" ? op.node.id : op.id;
  const kept = state.scene.nodes.filter((node) => node.id !== id);
  const place = state.scene.nodes.findIndex((node) => node.id === id);
  const nodes = op.kind === "remove_node" ? kept : kept.toSpliced(place < 0 ? kept.length : place, 0, op.node);
  return withNodes(state, { ...state.scene, nodes });
}

/** A registration and all that depends on it, at once. */
function registered(scene: Scene, registration: Registration): Scene {
  const { epoch } = registration;
  return { ...scene, registration, registration_epoch: epoch, nodes: scene.nodes.map((node) => ({ ...node, registration_epoch: epoch })) };
}

export function trackedOf(scene: Scene | null): readonly TrackedNode[] {
  return (scene?.nodes ?? []).filter((node) => node.kind === "tracked");
}

function covers(box: LabelBox, old: LabelBox): boolean {
  return [0, 1, 2].every((axis) => box.low[axis]! <= old.low[axis]! && old.low[axis]! + old.shape[axis]! <= box.low[axis]! + box.shape[axis]!);
}

/** As the server does it (`engine.stream.scene_log`): patches by block, boxes of labels over those before them. */
function edited(node: SceneNode, op: EditScene): SceneNode {
  if (node.kind === "tracked") return node;
  if (node.kind === "volume") return { ...node, label_boxes: [...node.label_boxes.filter((old) => !covers(op.labels, old)), op.labels] };
  const change = op.surfaces.find(({ id }) => id === node.id);
  if (change === undefined) return node;
  const corrected_by = op.by === null || node.corrected_by.includes(op.by) ? node.corrected_by : [...node.corrected_by, op.by];
  return { ...node, volume_ml: change.volume_ml, patches: seenPatches([...node.patches, ...change.patches]), corrected_by };
}

/** A margin or a deformation: the same triangles, elsewhere. */
function moved(node: SceneNode, op: MoveSurface): SceneNode {
  if (node.kind !== "surface" || node.id !== op.id) return node;
  return { ...node, moved: op.moved, volume_ml: op.volume_ml, surface_area_mm2: op.surface_area_mm2 };
}

/** What edits brought piece by piece is whole again; what later ones brought stays. */
function renewed(node: SceneNode, op: RenewScene): SceneNode {
  if (node.kind === "tracked") return node;
  if (node.kind === "volume") return { ...node, label_slabs: op.label_slabs, label_boxes: node.label_boxes.filter((box) => !op.edits.includes(box.blob)) };
  const made = op.surfaces.find(({ id }) => id === node.id);
  if (made === undefined) return node;
  const { lods, surface_area_mm2, closed } = made;
  return { ...node, lods, moved: [], surface_area_mm2, closed, patches: node.patches.filter((patch) => !op.edits.includes(patch.blob)) };
}

/** A newer version of the shown scene: new structures get their defaults, gone ones leave. */
function withNodes(state: State, scene: Scene): State {
  const views = Object.entries(defaultViews(surfaces(scene))).map(([key, view]) => [key, state.structures[key] ?? view] as const);
  const isSame = views.length === Object.keys(state.structures).length && views.every(([key, view]) => state.structures[key] === view);
  const structures = isSame ? state.structures : Object.fromEntries(views);
  const selection = state.selection?.kind === "structure" && !(state.selection.key in structures) ? null : state.selection;
  const solo = state.solo !== null && state.solo in structures ? state.solo : null;
  return { ...state, scene, structures, selection, solo };
}

const ENDED_JOBS_KEPT = 32;

/** Progress of long work. A finished job leaves; a failed one stays as a failure to read. */
export function receiveJob(state: State, job: Job): State {
  const isOver = job.state === "failed" || job.state === "done" || job.state === "cancelled";
  if (!isOver) {
    // The answer to a request may come after the socket has told the end.
    return state.endedJobs.includes(job.id) ? state : { ...state, job, failure: null };
  }
  const ended = {
    ...state,
    job: state.job?.id === job.id ? null : state.job,
    askedHere: job.state === "done" && state.askedHere,
    endedJobs: [...state.endedJobs, job.id].slice(-ENDED_JOBS_KEPT),
  };
  if (job.state !== "failed") return ended;
  const failure = job.error ?? failureOf(`${job.stage || "Opening"} failed.`);
  return { ...ended, failure: named(failure, state.dropped[job.study]), canRetry: false };
}

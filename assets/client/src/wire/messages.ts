// Generated from engine/stream/messages.py by `python -m engine.app.typescript`. Do not edit.

export const PROTOCOL = "sightline.v1";

export type DeviceState = "connecting" | "live" | "silent" | "faulty" | "ended";

/** What tracks: a name without any address, how it is, and its own words where it reports a fault. */
export interface GuidedDevice {
  name: string;
  state: DeviceState;
  words: string;
  simulated: boolean;
}

/** A tool that distances are measured from. `tip_error_mm` holds its tip in 95 % of cases; None: not calibrated. */
export interface GuidedTool {
  node: string;
  name: string;
  tip_error_mm: number | null;
}

export type LandmarkState = "waiting" | "touching" | "touched" | "left out";

/** A point to touch: to register with, or to check with, never both.      `off_mm` and `expected_mm` (95 %) are told of check points alone: what is left over at a landmark that was     registered with says nothing of accuracy. */
export interface GuidedLandmark {
  id: string;
  name: string;
  patient_mm: [number, number, number];
  use: "register" | "check";
  state: LandmarkState;
  off_mm: number | null;
  expected_mm: number | null;
  words: string;
}

/** What a registration is expected to be off at a point, in 95 % of cases. */
export interface ExpectedError {
  name: string;
  patient_mm: [number, number, number];
  error_mm: number;
}

/** How well a registration is known: what is expected at targets, and what check points measured. No residuals.      `due_s` is when it must be checked again, seconds since 1970. `growth_mm_h` is the trend of the measured error,     `grows` whether that is more than chance. */
export interface Accuracy {
  epoch: number;
  method: string;
  expected: ExpectedError[];
  measured_mm: number | null;
  checked_s: number | null;
  due_s: number | null;
  growth_mm_h: number | null;
  grows: boolean;
  words: string;
}

/** At which distances, after their error, what is said gets more urgent (guidance.alerts.level). */
export interface GuidedBands {
  near_mm: number;
  risk_mm: number;
  breach_mm: number;
}

/** What a tool is held against; the rows of readings count these. `error_mm` is the bound of its surface. */
export interface GuidedStructure {
  node: string;
  name: string;
  bands: GuidedBands;
  error_mm: number;
  ready: boolean;
}

/** How near a trajectory comes to a structure, and how deep that is along it. */
export interface Clearance {
  name: string;
  least_mm: number;
  depth_mm: number;
}

/** A straight way from an entry to a target. `refused` says why it must not be taken; empty where it may. */
export interface Trajectory {
  id: string;
  name: string;
  entry_mm: [number, number, number];
  target_mm: [number, number, number];
  radius_mm: number;
  cost: number | null;
  angle_deg: number | null;
  clearances: Clearance[];
  profile_mm: number[];
  refused: string;
}

/** A margin around (positive) or within (negative) its target; `node` is the surface that shows it.      `toward_mm` are distances to left, right, posterior, anterior, superior, inferior where they differ. */
export interface MarginBand {
  id: string;
  name: string;
  distance_mm: number;
  toward_mm: [number, number, number, number, number, number] | null;
  node: string | null;
  volume_ml: number | null;
}

/** What a tracked cutting tool has taken away so far. Volumes and the least margin with 95 % bounds. */
export interface Resection {
  target: string;
  cutting: boolean;
  removed_ml: number;
  remaining_ml: number;
  remaining_least_ml: number;
  remaining_most_ml: number;
  margin_mm: number | null;
  margin_error_mm: number | null;
  where_mm: [number, number, number] | null;
  unseen_s: number;
  undo_count: number;
}

/** A point of the scan that was touched again: where the scan has it, and where it was found. */
export interface Retouched {
  scan_mm: [number, number, number];
  now_mm: [number, number, number];
}

/** Soft tissue that moved since the scan, by points that were touched again: between them, a guess.      While it is `applied` every structure but bone and skin is drawn and measured where the guess puts it, and marked. */
export interface MovedTissue {
  points: Retouched[];
  applied: boolean;
  words: string;
}

/** Where the patient lies in one headset's own world, found by touching landmarks with its controller or finger. */
export interface HeadsetPlace {
  member: string;
  patient_from_world: number[];
  error_mm: number;
  verified: boolean;
}

export type GuidanceStep = "connect" | "calibrate" | "register" | "verify" | "guide";

/** How a guidance session stands: everything but what changes with every sample of the tracker.      `revision` grows with each change; readings name the one that their rows count. `next` says in words what to do.     `traced` counts the points of a surface that is being traced; None while none is. */
export interface Guidance {
  revision: number;
  step: GuidanceStep;
  next: string;
  plan: string;
  device: GuidedDevice;
  tools: GuidedTool[];
  reference: string | null;
  landmarks: GuidedLandmark[];
  accuracy: Accuracy | null;
  structures: GuidedStructure[];
  target: string | null;
  trajectories: Trajectory[];
  chosen: string | null;
  margins: MarginBand[];
  resection: Resection | null;
  headsets: HeadsetPlace[];
  traced: number | null;
  moved: MovedTissue | null;
}

export type PriorityName = "high" | "medium" | "low";

/** What is said of one structure now. Shape, word and sound say as much as colour (IEC 60601-1-8). */
export interface Alert {
  id: string;
  priority: PriorityName;
  text: string;
  shape: string;
  colour: string;
  flashes_hz: number;
  pulses: number;
  between_s: number;
  sounds: boolean;
  may_be_quiet: boolean;
  since_s: number;
}

/** The tracked pointer rests on this landmark: take its place now, and for the next second or so. */
export interface CollectAsk {
  kind: "collect";
  landmark: string;
}

/** A headset's own controller or fingertip rested on this landmark: its places in that headset's world. */
export interface TouchAsk {
  kind: "touch";
  landmark: string;
  points_mm: [number, number, number][];
  with_hand: boolean;
}

/** Forget where this landmark was touched. */
export interface LeaveAsk {
  kind: "leave";
  landmark: string;
}

/** Register from what was touched; `headset` for the asker's own headset. */
export interface SolveAsk {
  kind: "solve";
  headset: boolean;
}

/** The tracked pointer is drawn over the skin, or has been: register by that surface. */
export interface TraceAsk {
  kind: "trace";
  state: "start" | "stop";
}

/** Begin or end to find a tool's tip: it is turned about it, or held in the divot of a tracked block. */
export interface CalibrateAsk {
  kind: "calibrate";
  tool: string;
  state: "start" | "stop";
  how: "pivot" | "template";
}

/** The tracked pointer rests on what the scan has at `scan_mm`: soft tissue may have moved. */
export interface RetouchAsk {
  kind: "retouch";
  scan_mm: [number, number, number];
}

/** Move soft tissue by what was touched again; or put it back, and forget what was touched. */
export interface DeformAsk {
  kind: "deform";
  state: "apply" | "forget";
}

/** Other distances for a structure's alerts. */
export interface BandsAsk {
  kind: "bands";
  node: string;
  bands: GuidedBands;
}

/** Another distance for a margin of the target: a slider moves. */
export interface MarginAsk {
  kind: "margin";
  margin: string;
  distance_mm: number;
  toward_mm: [number, number, number, number, number, number] | null;
}

/** Other ends for a trajectory, or a new one where nobody knows `id`. */
export interface TrajectoryAsk {
  kind: "trajectory";
  id: string;
  entry_mm: [number, number, number];
  target_mm: [number, number, number];
}

/** Guide along this trajectory; along none where None. */
export interface ChooseAsk {
  kind: "choose";
  id: string | null;
}

/** The tool begins to cut, stops, or its last cut is taken back. */
export interface CutAsk {
  kind: "cut";
  state: "start" | "stop" | "undo";
}

/** No sound for a while, or seen and put aside; of one alert, or of all where None. */
export interface QuietAsk {
  kind: "quiet";
  alert: string | null;
  how: "silence" | "acknowledge";
}

/** A headset or page tells for how long it drew over the patient or the picture, since it told last.      `of_s` is how long that is in all; `unreadable` counts numbers that it drew, read back and took away again. */
export interface ShownAsk {
  kind: "shown";
  on_s: number;
  of_s: number;
  unreadable: number;
}

export type GuideAsk = CollectAsk | TouchAsk | LeaveAsk | SolveAsk | CalibrateAsk | BandsAsk | MarginAsk | TrajectoryAsk | ChooseAsk | CutAsk | QuietAsk | TraceAsk | RetouchAsk | DeformAsk | ShownAsk;

/** A coded concept (DICOM PS3.3 section 8.1). */
export interface CodeMessage {
  value: string;
  scheme: string;
  meaning: string;
}

/** How a structure was made. */
export interface ProvenanceMessage {
  pipeline: string;
  version: string;
  parameters: Record<string, string>;
  synthetic: boolean;
}

export type PatternName = "plain" | "lines" | "dashes" | "dots";

/** What a label means and how it is drawn. `label` is its value in the label slabs, 0 when not in them.      `parts` are the keys of structures that belong to it: a brain's matter, a body's organs. `pattern` is drawn on its     surface, so that margins are told apart without colour. */
export interface StructureMessage {
  label: number;
  key: string;
  name: string;
  code: CodeMessage | null;
  colour: [number, number, number];
  opacity: number;
  provenance: ProvenanceMessage;
  parts: string[];
  pattern: PatternName;
}

/** One level of detail: a GLB in headset metres, and its distance bound from the finest. */
export interface SurfaceLod {
  blob: string;
  bytes: number;
  triangles: number;
  error_mm: number;
}

/** Where the vertices of a level of detail are now: its triangles are those of its GLB.      `bytes` of `blob` from `start` are uint16 x, y, z, 0 of each vertex in the order of the GLB, packed as its own     (EXT_meshopt_compression, ATTRIBUTES); patient millimetres are `origin_mm` + `step_mm` times these. */
export interface MovedPositions {
  blob: string;
  start: number;
  bytes: number;
  vertices: number;
  origin_mm: [number, number, number];
  step_mm: number;
}

/** What stands in some blocks of 8³ cells instead of the levels of detail, and of earlier patches, after an edit.      `bytes` of `blob` from `start` are a GLB in headset metres, its triangles in the order of `blocks`, `counts` of     each; no bytes: nothing stands there any more. */
export interface SurfacePatch {
  blocks: [number, number, number][];
  counts: number[];
  blob: string;
  start: number;
  bytes: number;
  triangles: number;
}

/** Labels of a box of voxels, after an edit: `bytes` of `blob` from `start` are zstd of uint8, i fastest. */
export interface LabelBox {
  low: [number, number, number];
  shape: [number, number, number];
  blob: string;
  start: number;
  bytes: number;
}

/** A structure's surface; `lods` runs from finest to coarsest, `patches` take their place block by block.      `moved`, where it has as many levels as `lods`, says where their vertices are now; empty: where they came.     `made_s` is when it was computed, seconds since 1970. `corrected_by` are the roles of those who corrected it by hand     since; their strokes are no part of `structure.provenance`. */
export interface SurfaceNode {
  kind: "surface";
  id: string;
  structure: StructureMessage;
  lods: SurfaceLod[];
  volume_ml: number;
  surface_area_mm2: number;
  closed: boolean;
  source: string;
  frame_of_reference_uid: string;
  registration_epoch: number;
  patches: SurfacePatch[];
  made_s: number;
  corrected_by: RoleName[];
  moved: MovedPositions[];
}

/** Slices `k_start` to `k_start + k_count` of a volume: zstd, little endian, i fastest. */
export interface Slab {
  blob: string;
  bytes: number;
  k_start: number;
  k_count: number;
}

/** A display window, in the volume's own unit. */
export interface WindowPreset {
  name: string;
  low: number;
  high: number;
}

/** The voxels behind the surfaces. int16 -32768 and 32767 stand for `value_range`.      `label_boxes` lie over `label_slabs`, each over those before it. */
export interface VolumeNode {
  kind: "volume";
  id: string;
  title: string;
  modality: string;
  quantity: string;
  shape: [number, number, number];
  spacing_mm: [number, number, number];
  patient_from_voxel: number[];
  value_range: [number, number];
  presets: WindowPreset[];
  slabs: Slab[];
  label_slabs: Slab[];
  frame_of_reference_uid: string;
  label_boxes: LabelBox[];
  source: string;
  registration_epoch: number;
  made_s: number;
}

/** A thing that moves: its places come as poses of `entity`, in binary frames.      `shaft_mm` are points of a tool from its tip on, in its own axes. A place older than `fades_after_ms` is drawn     faded and with its age, one older than `hides_after_ms` not at all. */
export interface TrackedNode {
  kind: "tracked";
  id: string;
  name: string;
  entity: number;
  thing: "tool" | "head" | "pointer" | "reference";
  shaft_mm: [number, number, number][];
  radius_mm: number;
  source: string;
  frame_of_reference_uid: string;
  registration_epoch: number;
  fades_after_ms: number;
  hides_after_ms: number;
}

export type SceneNode = SurfaceNode | VolumeNode | TrackedNode;

/** How the patient lies in the world that devices measure in; None while nobody has registered.      `verified` only after a landmark check since the server started: until then nothing that depends on it is shown     as true. `patient_from_world` is rigid, in millimetres. */
export interface Registration {
  epoch: number;
  patient_from_world: number[];
  frame_of_reference_uid: string;
  method: string;
  verified: boolean;
}

/** One series of one study. */
export interface SeriesChoice {
  study: string;
  series: string;
}

/** Show one series, segmented by `pipeline`, or with an existing segmentation where `labels` names one.      `series` None takes the volume that the labels were drawn on, or the largest. */
export interface OpenRequest {
  study: string;
  series: string | null;
  phase: number;
  pipeline: string | null;
  labels: SeriesChoice | null;
}

/** Everything a client draws. Positions are patient millimetres; the matrix makes them metres.      `opened` is the request that it answers, with the series that was taken. */
export interface Scene {
  id: string;
  title: string;
  frame_of_reference_uid: string;
  registration_epoch: number;
  headset_from_patient: number[];
  nodes: SceneNode[];
  warnings: string[];
  opened: OpenRequest | null;
  registration: Registration | null;
  guidance: Guidance | null;
  alerts: Alert[];
}

/** Why one file was set aside. */
export interface ProblemMessage {
  file: string;
  reason: string;
}

/** An error for the user: what, why by file, and what to do. */
export interface Failure {
  summary: string;
  problems: ProblemMessage[];
  remedy: string | null;
}

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

/** Long work: where it stands and when it should end. */
export interface Job {
  id: string;
  state: JobState;
  stage: string;
  fraction: number;
  eta_s: number | null;
  study: string;
  series: string | null;
  error: Failure | null;
}

/** One series of a study, from its headers; `date` (ISO 8601) and `orientation` are empty where unknown. */
export interface SeriesMessage {
  uid: string;
  kind: string;
  modality: string;
  description: string;
  shape: [number, number, number];
  spacing_mm: [number, number, number];
  phases: number;
  phase_names: string[];
  files: number;
  date: string;
  orientation: string;
}

/** One folder or upload. What was dropped lies in numbered files, whose names the page alone knows. */
export interface Study {
  id: string;
  name: string;
  dropped: boolean;
  series: SeriesMessage[];
  problems: ProblemMessage[];
}

/** What can be opened. */
export interface Library {
  studies: Study[];
  pipelines: string[];
}

/** Six digits typed, or the secret of a QR code, in exchange for a session cookie. */
export interface PairRequest {
  code: string;
}

/** Whom the server takes this browser for; nobody while it has not been let in. */
export interface Me {
  member: string | null;
  role: RoleName | null;
  may: ActionName[];
}

export type RoleName = "surgeon" | "assistant" | "educator" | "trainee" | "viewer" | "device";

/** Make a code by which one more is let in. */
export interface InviteRequest {
  role: RoleName;
}

/** Digits to type, an address with its secret in the fragment, a QR code of it (a data URI), and for how long. */
export interface Invitation {
  code: string;
  address: string;
  qr: string;
  role: RoleName;
  seconds: number;
}

/** Somebody who was let in, and how many connections they hold. */
export interface Member {
  id: string;
  role: RoleName;
  connections: number;
  is_you: boolean;
}

/** Give a member another role. */
export interface RoleRequest {
  role: RoleName;
}

/** A client's first message. */
export interface Hello {
  type: "hello";
  protocol: string;
  token: string | null;
  epoch: string | null;
  last_seq: number | null;
  have: string[];
}

/** Correct the segmentation of a scene: a movement of a tool or a part of one, in patient millimetres.      Strokes with the same `movement` are taken back together. `over` names structures that may be painted over, any when     empty; a threshold has two corners of a box and the `values` between which samples are taken, in the volume's own     unit. `by` is the hub's to say. */
export interface StrokeRequest {
  type: "stroke";
  request: string;
  scene: string;
  tool: "brush" | "eraser" | "threshold";
  key: string;
  points_mm: [number, number, number][];
  radius_mm: number;
  over: string[];
  values: [number, number] | null;
  movement: string | null;
  by: RoleName | null;
}

/** Take the latest movement back, or do it again. `by` is the hub's to say. */
export interface StepRequest {
  type: "step";
  request: string;
  scene: string;
  direction: "undo" | "redo";
  by: RoleName | null;
}

/** Somebody is about to correct this scene: make ready, so that the first stroke need not wait. */
export interface PrepareRequest {
  type: "prepare";
  request: string;
  scene: string;
}

/** What a device, or a person's headset, is about to send poses of. */
export interface TrackedThing {
  id: string;
  name: string;
  thing: "tool" | "head" | "pointer";
  shaft_mm: [number, number, number][];
  radius_mm: number;
}

/** Give these things numbers to send poses under; the scene then says which (`TrackedNode.entity`). */
export interface TrackRequest {
  type: "track";
  request: string;
  things: TrackedThing[];
}

/** The patient has been registered: `patient_from_world`, rigid, millimetres. */
export interface RegisterRequest {
  type: "register";
  request: string;
  scene: string;
  patient_from_world: number[];
  method: string;
}

/** Landmarks were touched and lie where registration `epoch` says, within `error_mm`. */
export interface VerifyRequest {
  type: "verify";
  request: string;
  scene: string;
  epoch: number;
  error_mm: number;
}

/** Something that a person asks of the guidance session. `by` is the hub's to say: who asked. */
export interface GuideRequest {
  type: "guide";
  request: string;
  scene: string;
  ask: GuideAsk;
  by: string | null;
}

export type ClientMessage = Hello | StrokeRequest | StepRequest | PrepareRequest | TrackRequest | RegisterRequest | VerifyRequest | GuideRequest;

/** Another scene altogether. */
export interface ReplaceScene {
  kind: "replace_scene";
  scene: Scene;
}

/** Add a node, or replace the one with its id. */
export interface PutNode {
  kind: "put_node";
  node: SceneNode;
}

/** Take a node away. */
export interface RemoveNode {
  kind: "remove_node";
  id: string;
}

/** What an edit did to one surface node. */
export interface PatchedSurface {
  id: string;
  volume_ml: number;
  patches: SurfacePatch[];
}

/** A correction of the segmentation: labels of a box, and the surfaces that look different; one op, so one truth.      `by` is the role of whose hand it was. `undo_count` and `redo_count` are how many movements can be taken back, and     done again. */
export interface EditScene {
  kind: "edit_scene";
  labels: LabelBox;
  surfaces: PatchedSurface[];
  by: RoleName | null;
  undo_count: number;
  redo_count: number;
}

/** A structure's whole surface with its levels of detail, made again after corrections. */
export interface RenewedSurface {
  id: string;
  lods: SurfaceLod[];
  surface_area_mm2: number;
  closed: boolean;
}

/** Whole surfaces and labels that hold earlier edits take the place of what those brought: patches and boxes.      `edits` are the blobs of those edits. What later ones brought stays where it is. Nothing looks different. */
export interface RenewScene {
  kind: "renew_scene";
  surfaces: RenewedSurface[];
  label_slabs: Slab[];
  edits: string[];
}

/** A margin or a deformation: every level's vertices have new places, and the triangles stay. */
export interface MoveSurface {
  kind: "move_surface";
  id: string;
  moved: MovedPositions[];
  volume_ml: number;
  surface_area_mm2: number;
}

/** A registration, new or verified, and every node that depends on it, in one op: nobody sees half of it. */
export interface SetRegistration {
  kind: "set_registration";
  registration: Registration;
}

/** How the guidance session stands now; None where it has ended. Its alerts end with it. */
export interface SetGuidance {
  kind: "set_guidance";
  guidance: Guidance | null;
}

/** Everything that is said now, the most urgent first; takes the place of what was said before. */
export interface SetAlerts {
  kind: "set_alerts";
  alerts: Alert[];
}

export type RecordingState = "off" | "on" | "failed";

export type HubsState = "alone" | "together" | "cut off";

export type Op = ReplaceScene | PutNode | RemoveNode | EditScene | RenewScene | MoveSurface | SetRegistration | SetGuidance | SetAlerts;

/** Whom the server takes this client for, and what it may do. */
export interface Welcome {
  type: "welcome";
  member: string;
  role: RoleName;
  may: ActionName[];
  recording: RecordingState;
  hubs: HubsState;
}

/** How the session stands.      `recording` failed: what follows is not recorded. `hubs` cut off: this server is one of several of the session and     does not hear the others, so what is shown here may not be what is shown there. */
export interface SessionUpdate {
  type: "session";
  recording: RecordingState;
  hubs: HubsState;
}

/** The whole state as of `seq`; replaces all the client knew. */
export interface Snapshot {
  type: "snapshot";
  epoch: string;
  seq: number;
  scene: Scene | null;
  jobs: Job[];
}

/** One change, in order. */
export interface NumberedOp {
  type: "op";
  seq: number;
  op: Op;
}

/** Progress; the latest replaces earlier ones of the same job. */
export interface JobUpdate {
  type: "job";
  job: Job;
}

/** Why what one client asked for was not done; nothing changed, and nobody else is told. */
export interface RefusedMessage {
  type: "refused";
  request: string;
  summary: string;
}

/** Why the server is about to close, or refused a message. */
export interface ErrorMessage {
  type: "error";
  code: string;
  summary: string;
}

export type ActionName = "look" | "move_self" | "open" | "upload" | "remove" | "edit" | "set_margin" | "register" | "track" | "mark" | "export" | "invite" | "revoke" | "quiet";

export type ServerMessage = Welcome | Snapshot | NumberedOp | JobUpdate | SessionUpdate | RefusedMessage | ErrorMessage;

// The whole state of the page: what the server says, what the person chose. No DOM, no three.

import type { Vec3 } from "./affine";
import type { Dropped } from "./dropped";
import type { Freshness } from "./freshness";
import { VERIFIED, type Overlay } from "./overlay";
import type { Store } from "./store";
import type { ActionName, Alert, Failure, HubsState, Job, Library, RecordingState, RoleName, Scene } from "../wire/messages";

export type Connection = "connecting" | "live" | "lost";

/** How one structure is drawn. Keyed by `structure.key` in the state. */
export interface StructureView {
  readonly visible: boolean;
  readonly opacity: number;
  /** sRGB, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

export type Plane = "axial" | "coronal" | "sagittal";
export const PLANES: readonly Plane[] = ["axial", "coronal", "sagittal"];
export type Pane = "3d" | Plane;

/** Display window in the volume's own unit (HU for CT). `preset` is null when dragged by hand. */
export interface Window {
  readonly preset: string | null;
  readonly low: number;
  readonly high: number;
}

export interface Measurement {
  readonly id: string;
  readonly from_mm: Vec3;
  readonly to_mm: Vec3;
  /** Standard uncertainty of the distance: how well both ends could be placed. */
  readonly error_mm: number;
  readonly where: "surface" | "slice" | "headset";
}

export type Selection =
  | { readonly kind: "structure"; readonly key: string }
  | { readonly kind: "measurement"; readonly id: string }
  | null;

export type Tool = "navigate" | "measure" | "brush" | "eraser" | "threshold";

/** What the flat page shows; patient positions in LPS millimetres. */
export interface View {
  readonly filled: Pane | null;
  readonly window: Window | null;
  readonly cursor_mm: Vec3 | null;
  readonly tool: Tool;
  /** Of brush and eraser; half the depth of a box. */
  readonly radius_mm: number;
  /** Values that a box takes; those of the window while nobody chose. */
  readonly range: readonly [number, number] | null;
  /** First end of a measurement, or corner of a box, that waits for its second. */
  readonly pending_mm: { readonly at: Vec3; readonly error_mm: number } | null;
  readonly slicesIn3d: boolean;
  readonly labelsOnSlices: boolean;
  /** The slices go where the tip of the tool is. */
  readonly followsTip: boolean;
}

/** How much of the volume's voxels has arrived. */
export interface VolumeLoading {
  readonly state: "none" | "loading" | "ready" | "failed";
  readonly fraction: number;
  /** Words for the person: why it failed, or that it was reduced to fit. */
  readonly note: string | null;
}

export interface Upload {
  readonly files: number;
  readonly sentFiles: number;
  readonly fraction: number;
  readonly eta_s: number | null;
}

/** Whom the server takes this page for, and what it may do. */
export interface Self {
  readonly member: string;
  readonly role: RoleName;
  readonly may: readonly ActionName[];
}

export interface State {
  readonly connection: Connection;
  /** When the socket was lost (`performance.now()`, seconds); null while live. */
  readonly lostSince_s: number | null;
  /** How what stands still is shown: by how long the server has not been heard. */
  readonly freshness: Freshness;
  /** How what stands on the patient is shown while something is guided. */
  readonly overlay: Overlay;
  /** Whether what is guided by is drawn over the picture and the patient at all. */
  readonly overlayOn: boolean;
  /** Said by this page while the server cannot be heard and something was guided. */
  readonly linkAlert: Alert | null;
  readonly self: Self | null;
  readonly recording: RecordingState;
  /** Whether other servers of the session are heard. */
  readonly hubs: HubsState;
  readonly library: Library | null;
  readonly scene: Scene | null;
  readonly job: Job | null;
  /** Jobs known to be over, latest last. */
  readonly endedJobs: readonly string[];
  readonly upload: Upload | null;
  /** A failure that the person has not put away yet. */
  readonly failure: Failure | null;
  /** Whether what failed can simply be tried again. */
  readonly canRetry: boolean;
  /** Something to know that asks for nothing: another window opened another scan. */
  readonly announcement: string | null;
  /** Whether the scene under way was asked for here, and not in another window. */
  readonly askedHere: boolean;
  /** By study: names of what this page sent. */
  readonly dropped: Readonly<Record<string, Dropped>>;
  readonly structures: Readonly<Record<string, StructureView>>;
  readonly solo: string | null;
  readonly selection: Selection;
  readonly view: View;
  /** Where the second end of a measurement, or the brush, would be placed now: under the pointer. */
  readonly rubber_mm: Vec3 | null;
  readonly measurements: readonly Measurement[];
  /** Measurements of scans that are not shown now, by scan: opened again, they are there again. */
  readonly kept: Readonly<Record<string, readonly Measurement[]>>;
  readonly volume: VolumeLoading;
  /** Surfaces drawn so far, of those in the scene. */
  readonly drawn: { readonly ready: number; readonly total: number; readonly failed: number };
}

export type AppStore = Store<State>;

export const INITIAL_STATE: State = {
  connection: "connecting",
  lostSince_s: null,
  freshness: "fresh",
  overlay: VERIFIED,
  overlayOn: true,
  linkAlert: null,
  self: null,
  recording: "off",
  hubs: "alone",
  library: null,
  scene: null,
  job: null,
  endedJobs: [],
  upload: null,
  failure: null,
  canRetry: false,
  announcement: null,
  askedHere: false,
  dropped: {},
  structures: {},
  solo: null,
  selection: null,
  view: {
    filled: null,
    window: null,
    cursor_mm: null,
    tool: "navigate",
    radius_mm: 6,
    range: null,
    pending_mm: null,
    slicesIn3d: false,
    labelsOnSlices: true,
    followsTip: true,
  },
  rubber_mm: null,
  measurements: [],
  kept: {},
  volume: { state: "none", fraction: 0, note: null },
  drawn: { ready: 0, total: 0, failed: 0 },
};

// A guidance session as the wire would have it, for tests.

import { demoScene } from "../src/demo/phantom";
import type { Pose, Reading, ReadingRow } from "../src/wire/binary";
import type { Guidance, GuidedStructure, Scene, TrackedNode } from "../src/wire/messages";

export const BANDS = { near_mm: 5, risk_mm: 2, breach_mm: 0 };
const structure = (node: string): GuidedStructure => ({ node, name: node, bands: BANDS, error_mm: 0.1, ready: true });

export const TOOL: TrackedNode = {
  kind: "tracked", id: "probe", name: "Probe", entity: 7, thing: "tool", shaft_mm: [[0, 0, 0], [0, 0, 100]], radius_mm: 1, source: "simulated",
  frame_of_reference_uid: "2.25.1", registration_epoch: 2, fades_after_ms: 150, hides_after_ms: 1000,
};

export const GUIDANCE: Guidance = {
  revision: 3,
  step: "guide",
  next: "Go on",
  plan: "Left frontal",
  device: { name: "Simulated", state: "live", words: "", simulated: true },
  tools: [{ node: "probe", name: "Probe", tip_error_mm: 0.5 }],
  reference: null,
  landmarks: [],
  accuracy: { epoch: 2, method: "points", expected: [], measured_mm: 1.1, checked_s: 0, due_s: 1000, growth_mm_h: null, grows: false, words: "" },
  structures: [structure("a"), structure("b"), structure("c")],
  target: null,
  trajectories: [{ id: "way", name: "Way", entry_mm: [0, 0, 100], target_mm: [0, 0, 0], radius_mm: 1, cost: null, angle_deg: null, clearances: [], profile_mm: [], refused: "" }],
  chosen: "way",
  margins: [],
  resection: null,
  headsets: [],
  traced: null,
  moved: null,
};

export function guidedScene(changes: Partial<Guidance> = {}, verified = true): Scene {
  const scene = demoScene();
  return {
    ...scene,
    nodes: [...scene.nodes, TOOL],
    registration_epoch: 2,
    registration: { epoch: 2, patient_from_world: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], frame_of_reference_uid: "2.25.1", method: "points", verified },
    guidance: { ...GUIDANCE, ...changes },
  };
}

export const row = (distance_mm: number, changes: Partial<ReadingRow> = {}): ReadingRow => ({
  why: null, level: 0, part: "tip", distance_mm, error_mm: 0.5, approach_mm_s: 0, contact_s: Infinity, surface_mm: [0, 0, 0], ...changes,
});

export const reading = (changes: Partial<Reading> = {}): Reading => ({
  kind: "reading", entity: 7, epoch: 2, revision: 3, time_s: 100, since_s: 90, tipError_mm: 0.6, why: null, referenceWhy: null, rows: [row(10), row(4), row(7)], ...changes,
});

export const pose = (changes: Partial<Pose> = {}): Pose => ({
  kind: "pose", entity: 7, epoch: 2, time_s: 100, position_mm: [1, 2, 30], orientation: [1, 0, 0, 0], frame: "patient", isTracked: true, error_mm: 0.6, ...changes,
});

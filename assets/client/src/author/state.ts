// The state of the authoring page, and pure changes of it.

import type { Store } from "../model/store";
import type { Draft, DraftFeedback, DraftLesion, DraftListed, DraftNow, DraftOption, DraftTask, FlawTold, ItemStatistics, LesionMeasured, OpeningNow, Published, TaskKind, VersionListed } from "../wire/author_messages";
import type { Failure, Library, Scene } from "../wire/messages";

export type Selected = { readonly place: "case" } | { readonly place: "lesion" | "task" | "feedback"; readonly id: string };

/** How what was written stands: on the disk, on the way, or waiting for the server. */
export type Saving = "saved" | "saving" | "offline";

export type AuthorTool = "navigate" | "grow" | "brush" | "eraser" | "point";

export interface AuthorState {
  /** Null until the server has answered. */
  readonly drafts: readonly DraftListed[] | null;
  readonly library: Library | null;
  readonly id: string | null;
  readonly study: string;
  readonly opening: OpeningNow;
  readonly scene: Scene | null;
  readonly draft: Draft | null;
  readonly revision: number;
  readonly lesions: readonly LesionMeasured[];
  readonly undo: string | null;
  readonly redo: string | null;
  readonly saving: Saving;
  readonly saved_s: number;
  readonly versions: readonly VersionListed[];
  readonly selected: Selected;
  readonly tool: AuthorTool;
  readonly keepLike: boolean;
  readonly flat: boolean;
  readonly flaws: readonly FlawTold[];
  /** Whether flaws are shown at their fields: once somebody tried to publish. */
  readonly showFlaws: boolean;
  readonly published: Published | null;
  readonly statistics: readonly ItemStatistics[];
  readonly arrived: number;
  readonly failure: Failure | null;
  readonly uploading: number | null;
}

export type AuthorStore = Store<AuthorState>;

export const INITIAL: AuthorState = {
  drafts: null,
  library: null,
  id: null,
  study: "",
  opening: { state: "opening", stage: "", fraction: 0, failure: null },
  scene: null,
  draft: null,
  revision: 0,
  lesions: [],
  undo: null,
  redo: null,
  saving: "saved",
  saved_s: 0,
  versions: [],
  selected: { place: "case" },
  tool: "navigate",
  keepLike: false,
  flat: true,
  flaws: [],
  showFlaws: false,
  published: null,
  statistics: [],
  arrived: 0,
  failure: null,
  uploading: null,
};

export function receiveNow(state: AuthorState, now: DraftNow): AuthorState {
  const { saved } = now;
  return {
    ...state,
    id: saved.id,
    study: now.study,
    opening: now.opening,
    // The same images again: the slices, and what is painted on them, stay.
    scene: now.scene === null || now.scene.id === state.scene?.id ? state.scene : now.scene,
    draft: saved.draft,
    revision: saved.revision,
    lesions: saved.lesions,
    undo: saved.undo,
    redo: saved.redo,
    saved_s: saved.saved_s,
    versions: now.versions,
  };
}

/** The first name that is free: lesion-1, lesion-2, … */
export function freeId(stem: string, taken: readonly { readonly id: string }[]): string {
  for (let n = 1; ; n += 1) if (!taken.some(({ id }) => id === `${stem}-${n}`)) return `${stem}-${n}`;
}

export function newLesion(draft: Draft): DraftLesion {
  const labels = draft.lesions.map(({ label }) => label);
  const label = Array.from({ length: 255 }, (_, n) => n + 1).find((n) => !labels.includes(n)) ?? 255;
  return { id: freeId("lesion", draft.lesions), name: "", role: "finding", is_key: true, weight: 1, label, at_mm: null, radius_mm: 5, why: "", code: "" };
}

export function newOption(options: readonly DraftOption[]): DraftOption {
  return { id: freeId("option", options), text: "", is_right: options.length === 0, harm: options.length === 0 ? 0 : 1, why: "" };
}

const PROMPTS: Partial<Record<TaskKind, string>> = {
  mark: "Mark every abnormality that you see.",
  choice: "What is the most likely diagnosis?",
  measure: "Measure the largest diameter.",
  manage: "What would you do next?",
  text: "Describe what you see.",
};

export function newTask(draft: Draft, kind: TaskKind): DraftTask {
  const first = newOption([]);
  const options = kind === "choice" || kind === "manage" || kind === "order" ? [first, newOption([first])] : [];
  const finding = draft.lesions.find(({ role }) => role === "finding")?.id ?? null;
  return {
    id: freeId("task", draft.tasks), kind, prompt: PROMPTS[kind] ?? "", points: 1, asks_confidence: true, hints: [], after: null, went: "anyhow",
    findings: [], finding, beyond_mm: 5, least_mm: 10, within_mm: 2, quantity: "diameter_mm", value: null, scheme: "", category: "", several: false,
    options, checklist: kind === "text" ? [{ id: "check-1", text: "", any_of: "", is_critical: false }] : [],
  };
}

export function newFeedback(draft: Draft): DraftFeedback {
  return { id: freeId("feedback", draft.feedback), when: "always", of: null, text: "" };
}

/** What a change does to the part of the draft that is selected. */
export function withPart<K extends "lesions" | "tasks" | "feedback">(draft: Draft, key: K, id: string, part: Partial<Draft[K][number]>): Draft {
  const parts = draft[key] as readonly { readonly id: string }[];
  return { ...draft, [key]: parts.map((one) => (one.id === id ? { ...one, ...part } : one)) };
}

/** A draft without a part, and without what hung on it. */
export function withoutPart(draft: Draft, place: "lesion" | "task" | "feedback", id: string): Draft {
  const not = (one: { readonly id: string }): boolean => one.id !== id;
  if (place === "feedback") return { ...draft, feedback: draft.feedback.filter(not) };
  const feedback = draft.feedback.map((one) => (one.of === id ? { ...one, of: null } : one));
  if (place === "task") return { ...draft, feedback, tasks: draft.tasks.filter(not).map((one) => (one.after === id ? { ...one, after: null } : one)) };
  const tasks = draft.tasks.map((one) => ({ ...one, findings: one.findings.filter((name) => name !== id), finding: one.finding === id ? null : one.finding }));
  return { ...draft, feedback, tasks, lesions: draft.lesions.filter(not) };
}

export const KIND_NAMES: Record<TaskKind, string> = {
  mark: "Mark", choice: "Choose", measure: "Measure", segment: "Paint", box: "Box", classify: "Classify", order: "Put in order", text: "Describe", manage: "Decide",
};

export function nameOfLesion({ name, id }: DraftLesion): string {
  return name.trim() || `Lesion ${id.split("-").at(-1)}`;
}

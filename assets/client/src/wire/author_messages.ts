// Generated from engine/app/training by `python -m engine.app.training.author_typescript`. Do not edit.

import type { Failure, Scene } from "./messages";

export type Scale = "detection" | "characterisation" | "diagnosis" | "management";

export type TaskKind = "mark" | "choice" | "measure" | "segment" | "box" | "classify" | "order" | "text" | "manage";

export type FeedbackWhen = "always" | "found" | "missed" | "right" | "wrong";

export type QuantityName = "diameter_mm" | "volume_ml" | "mean_value";

export type RoleOfLesion = "finding" | "distractor";

export type PaintTool = "grow" | "brush" | "eraser" | "fill";

export type OpeningState = "opening" | "ready" | "failed";

export type FlawPlace = "case" | "lesion" | "task" | "feedback" | "reference";

/** Something that was painted or pointed at.      Attributes:         role: to be found, or only looking like it.         label: of its voxels in the draft's mask; nothing may be painted yet.         at_mm, radius_mm: a place instead, where no border is drawn.         why: what shows it and what makes it easy to miss; of a distractor: what it is instead.         code: RadLex id with its meaning, "RID50149 pulmonary nodule"; blank where none. */
export interface DraftLesion {
  id: string;
  name: string;
  role: RoleOfLesion;
  is_key: boolean;
  weight: number;
  label: number;
  at_mm: [number, number, number] | null;
  radius_mm: number;
  why: string;
  code: string;
}

/** A possible answer. `is_right` of a choice, `harm` of a management. */
export interface DraftOption {
  id: string;
  text: string;
  is_right: boolean;
  harm: number;
  why: string;
}

/** What a free text should say. `any_of`: words of which one must be there, with commas between. */
export interface DraftCheck {
  id: string;
  text: string;
  any_of: string;
  is_critical: boolean;
}

/** Help that may be taken, and the share of the points that it costs. */
export interface DraftHint {
  text: string;
  cost: number;
}

/** A task of any kind; what its kind does not use is kept, so that changing the kind and back loses nothing.      Attributes:         findings: which are to be marked; none named: all.         finding: that is measured, painted or boxed.         after, went: it comes once that task was answered, anyhow, rightly or wrongly. */
export interface DraftTask {
  id: string;
  kind: TaskKind;
  prompt: string;
  points: number;
  asks_confidence: boolean;
  hints: DraftHint[];
  after: string | null;
  went: "anyhow" | "right" | "wrong";
  findings: string[];
  finding: string | null;
  beyond_mm: number;
  least_mm: number;
  within_mm: number;
  quantity: QuantityName;
  value: number | null;
  scheme: string;
  category: string;
  several: boolean;
  options: DraftOption[];
  checklist: DraftCheck[];
}

/** A piece of feedback: always, or by what became of a finding or a task. */
export interface DraftFeedback {
  id: string;
  when: FeedbackWhen;
  of: string | null;
  text: string;
}

/** Where to read on. */
export interface DraftReference {
  title: string;
  doi: string;
}

/** A case that is being written.      Attributes:         case: its name among all cases; set when it is first published.         version: that was published last; blank before.         topic, concept: as typed; they become names. Blank concept: what the first key finding is called.         window: preset with which the case opens; None: the usual one. */
export interface Draft {
  case: string | null;
  version: string;
  title: string;
  history: string;
  language: string;
  authors: string;
  licence: string;
  topic: string;
  concept: string;
  is_rare: boolean;
  difficulty: number;
  window: string | null;
  says: string;
  lesions: DraftLesion[];
  tasks: DraftTask[];
  feedback: DraftFeedback[];
  references: DraftReference[];
}

/** Open a series of a study as a draft; `series` None: its largest volume. */
export interface NewDraft {
  study: string;
  series: string | null;
  phase: number;
}

/** A draft in the list. */
export interface DraftListed {
  id: string;
  title: string;
  study: string;
  changed_s: number;
  version: string;
  opening: OpeningState;
}

/** Labels of a box of the volume, i fastest: runs of a label and how many voxels it holds. */
export interface MaskBox {
  low: [number, number, number];
  shape: [number, number, number];
  runs: [number, number][];
}

/** What was painted of a lesion.      Attributes:         middle_mm: of its voxels.         slices: first and last along k.         diameter_mm: largest extent within a slice. */
export interface LesionMeasured {
  id: string;
  voxels: number;
  volume_ml: number;
  diameter_mm: number;
  middle_mm: [number, number, number];
  slices: [number, number];
}

/** How far the images of a draft are. */
export interface OpeningNow {
  state: OpeningState;
  stage: string;
  fraction: number;
  failure: Failure | null;
}

/** On the disk.      Attributes:         revision: rises by one with every change.         box: labels that are others now; None where none are. */
export interface Saved {
  id: string;
  revision: number;
  draft: Draft;
  box: MaskBox | null;
  lesions: LesionMeasured[];
  undo: string | null;
  redo: string | null;
  saved_s: number;
}

/** A version that was published. */
export interface VersionListed {
  version: string;
  published_s: number;
}

/** A draft as it is on the disk. `scene` holds its images once they are made. */
export interface DraftNow {
  study: string;
  opening: OpeningNow;
  scene: Scene | null;
  saved: Saved;
  versions: VersionListed[];
}

/** The draft as it shall be.      Attributes:         revision: that it was made from.         what: in words, for undo: "title".         movement: changes with the same name, one after another, are taken back together. */
export interface ChangeAsk {
  revision: number;
  draft: Draft;
  what: string;
  movement: string;
}

/** A movement of a tool on a lesion.      Attributes:         tool: grow from a place; brush or erase along a way; fill in between painted slices.         movement: parts of one movement are taken back together; of `grow` the latest part takes the others' place.         notches: larger or smaller than what grows naturally.         plane: a brush stays on the slice along this axis of the patient; None: it is a ball.         keep_like: a brush paints only what is as bright as where it began. */
export interface PaintAsk {
  lesion: string;
  tool: PaintTool;
  movement: string;
  points_mm: [number, number, number][];
  radius_mm: number;
  notches: number;
  plane: 0 | 1 | 2 | null;
  keep_like: boolean;
}

/** Something that keeps a draft from being a case. `place` and `id` lead there; `field` of its form. */
export interface FlawTold {
  place: FlawPlace;
  id: string | null;
  field: string;
  says: string;
}

/** A case folder was written. `case` opens it: `/read?case=…`. */
export interface Published {
  case: string;
  version: string;
  published_s: number;
}

/** A figure with its interval (95 %). */
export interface Estimated {
  mean: number;
  low: number;
  high: number;
}

/** An ability, in standard deviations of learners, and how it moved: `earlier` is of a month ago. */
export interface AbilityOfLearner {
  scale: Scale;
  now: Estimated;
  earlier: number | null;
}

/** A trainee.      Attributes:         cases: that were read to the end.         last_read_s: when last; None: never.         missed: share of key findings that were missed.         needs: why this trainee needs help, in a sentence; None where nothing says so.         history: of the mean of all abilities, as seconds since 1970 and its value, the oldest first. */
export interface LearnerRow {
  id: string;
  name: string;
  cases: number;
  last_read_s: number | null;
  missed: Estimated | null;
  abilities: AbilityOfLearner[];
  needs: string | null;
  history: [number, number][];
}

/** Everybody who learns here; those who need help come first. */
export interface Cohort {
  learners: LearnerRow[];
  readings: number;
  as_of_s: number;
}

/** What was answered most often of all that is wrong. */
export interface WrongAnswer {
  text: string;
  share: number;
}

/** How a task was answered.      Attributes:         count: answers that counted.         difficulty: in standard deviations of learners; 0: half of average learners get it right.         discrimination: correlation of this item's share with the rest of the case's, from -1 to 1.         missed: share of answers that were wrong.         median_s: from when it came to when it was committed.         wrong: the wrong answer that most chose.         says: what the figures say, in a sentence; None where they say nothing yet. */
export interface ItemStatistics {
  case: string;
  title: string;
  version: string;
  task: string;
  prompt: string;
  scale: Scale;
  count: number;
  difficulty: Estimated | null;
  discrimination: Estimated | null;
  missed: Estimated | null;
  median_s: number | null;
  wrong: WrongAnswer | null;
  says: string | null;
}

// Generated from the models of a reading by `python -m engine.app.typescript training`. Do not edit.

export type Scale = "detection" | "characterisation" | "diagnosis" | "management";

export type TaskKind = "mark" | "segment" | "box" | "measure" | "classify" | "report" | "choice" | "order" | "text" | "manage" | "guide";

/** Values from `low` to `high` are spread from black to white, in the unit of the volume. */
export interface WindowPreset {
  name: string;
  low: number;
  high: number;
}

/** One pane of the wall.      Attributes:         volume: which study.         plane: which way it is cut.         preset: name of a window; None: the first.         slab_mm: thickness over which the brightest is shown (MIP); 0: one slice.         at: which slice comes first, from 0 (the first) to 1 (the last). */
export interface Pane {
  volume: string;
  plane: "axial" | "coronal" | "sagittal";
  preset: string | null;
  slab_mm: number;
  at: number;
}

/** Presets and panes; nothing said: what suits the modality, and three planes of the current study. */
export interface Display {
  presets: WindowPreset[];
  hanging: Pane[];
}

/** Voxels that were painted: runs along i of the volume, each its first voxel (counted i fastest) and how many. */
export interface SegmentAnswer {
  kind: "segment";
  runs: [number, number][];
}

/** A box in voxels of the volume, both ends within. */
export interface BoxAnswer {
  kind: "box";
  low: [number, number, number];
  high: [number, number, number];
}

/** What was measured, in the unit of the task; `ends_mm` where a ruler was laid. */
export interface MeasureAnswer {
  kind: "measure";
  value: number;
  ends_mm: [[number, number, number], [number, number, number]] | null;
}

/** A category, and the features that were entered. */
export interface ClassifyAnswer {
  kind: "classify";
  category: string;
  features: Record<string, number | string>;
}

/** An option for each field that was filled in. */
export interface ReportAnswer {
  kind: "report";
  fields: Record<string, string>;
}

/** Options that were chosen. */
export interface ChoiceAnswer {
  kind: "choice";
  chosen: string[];
}

/** Items in the order that was given. */
export interface OrderAnswer {
  kind: "order";
  items: string[];
}

/** Words. */
export interface TextAnswer {
  kind: "text";
  text: string;
}

/** What would be done. */
export interface ManageAnswer {
  kind: "manage";
  chosen: string;
}

/** The path of a tool's tip (s, then x, y, z in mm), or which structure the path that was shown came nearest to. */
export interface GuideAnswer {
  kind: "guide";
  path: [number, number, number, number][];
  nearest: string | null;
}

/** The reading was opened, or opened again after a break or a fault. */
export interface Began {
  n: number;
  t_s: number;
  kind: "began";
  where: "flat" | "vr";
  hand: "left" | "right";
  has_gaze: boolean;
}

/** What a pane shows from now on.      Attributes:         pane: which, from 0.         centre_mm: of what is seen of the slice.         right_mm, down_mm: from its middle to its right and lower edge.         slab_mm: thickness over which the brightest is shown; 0: one slice.         low, high: window. */
export interface Displayed {
  n: number;
  t_s: number;
  kind: "displayed";
  pane: number;
  volume: string;
  centre_mm: [number, number, number];
  right_mm: [number, number, number];
  down_mm: [number, number, number];
  slab_mm: number;
  low: number;
  high: number;
}

/** A pane shows nothing any more. */
export interface Hidden {
  n: number;
  t_s: number;
  kind: "hidden";
  pane: number;
}

/** Where attention points from now on: by the eyes where a device tells, by the head, or by a flat page's pointer.      `at_mm` None: on no pane. */
export interface Looked {
  n: number;
  t_s: number;
  kind: "looked";
  by: "eyes" | "head" | "pointer";
  pane: number;
  at_mm: [number, number, number] | null;
  distance_m: number | null;
  mm_per_m: number | null;
}

/** A mark was set, moved, or its confidence changed: `mark` is the same. */
export interface Marked {
  n: number;
  t_s: number;
  kind: "marked";
  task: string;
  mark: string;
  at_mm: [number, number, number];
  confidence: number;
}

/** A mark was taken away. */
export interface Unmarked {
  n: number;
  t_s: number;
  kind: "unmarked";
  task: string;
  mark: string;
}

/** An answer was given or changed; it counts once it is committed. */
export interface Answered {
  n: number;
  t_s: number;
  kind: "answered";
  task: string;
  answer: Answer;
  confidence: number | null;
}

/** A hint was taken: the next of the task. */
export interface Hinted {
  n: number;
  t_s: number;
  kind: "hinted";
  task: string;
}

/** A task is answered for good: its marks or its answer as they are, or nothing (none is there). */
export interface Committed {
  n: number;
  t_s: number;
  kind: "committed";
  task: string;
}

/** The trainee saw what is there; every task is committed before. */
export interface Revealed {
  n: number;
  t_s: number;
  kind: "revealed";
}

/** A break begins. */
export interface Paused {
  n: number;
  t_s: number;
  kind: "paused";
}

/** A break ends. */
export interface Resumed {
  n: number;
  t_s: number;
  kind: "resumed";
}

/** An answer that may be chosen: of a classification by the name of its category. */
export interface OptionView {
  id: string;
  text: string;
}

/** A line of a structured report, or a feature of a scheme: a choice, or a number where there are no options. */
export interface FieldView {
  id: string;
  prompt: string;
  options: OptionView[];
  unit: string;
}

/** A task as it is asked.      Attributes:         options: of a choice, an order (shuffled), a management or a scheme's categories.         fields: of a report, or the features of a scheme.         several: more than one option may be chosen.         quantity: of a measurement.         hints: what each costs, in order; their words come when they are taken. */
export interface TaskView {
  id: string;
  kind: TaskKind;
  scale: Scale;
  prompt: string;
  points: number;
  asks_confidence: boolean;
  volume: string | null;
  options: OptionView[];
  fields: FieldView[];
  several: boolean;
  quantity: "diameter_mm" | "volume_ml" | "mean_value" | null;
  hints: number[];
  path: [number, number, number, number][];
}

/** A study of the case. `is_ready`: its images can be fetched. */
export interface VolumeView {
  id: string;
  title: string;
  role: "current" | "prior" | "follow-up";
  is_ready: boolean;
}

/** A case as it may be read now: tasks and studies that come later are not in it yet. */
export interface CaseView {
  id: string;
  version: string;
  title: string;
  history: string | null;
  volumes: VolumeView[];
  display: Display;
  tasks: TaskView[];
}

/** Who reads. `name` is what the trainee chose to be called; it never leaves the server but to educators of it. */
export interface Learner {
  id: string;
  name: string;
  role: "trainee" | "educator";
}

/** What to read next. `case`: this one (an educator who tries it, a review), else the one that teaches most. */
export interface NextAsk {
  mode: "practice" | "exam";
  case: string | null;
}

/** Words of a hint that was taken. */
export interface HintTold {
  task: string;
  text: string;
}

/** A reading as it stands.      Attributes:         why: why this case, in a sentence.         number, planned: which case of how many of the sitting; None where it does not end.         next_event: number of the event that comes next.         events: all that was kept (empty in answers to events).         committed: tasks that are answered for good.         hints: that were taken.         is_revealed: what is there may be seen. */
export interface ReadingNow {
  id: string;
  why: string;
  number: number;
  planned: number | null;
  mode: "practice" | "exam";
  case: CaseView;
  next_event: number;
  events: AnyEvent[];
  committed: string[];
  hints: HintTold[];
  is_revealed: boolean;
}

/** Events in order; those that were kept before are passed over, a gap is refused (409) with what comes next. */
export interface EventsAsk {
  events: AnyEvent[];
}

/** On the disk. */
export interface Kept {
  next_event: number;
  reading: ReadingNow;
}

/** Something that was there.      Attributes:         became: found, missed, or not asked.         mark: that found it.         miss: class of a miss: search, recognition, decision; by what that is known (`by`).         slices: middle of the slice that shows it best, and the first and last on which it is seen, along k. */
export interface FindingTold {
  id: string;
  name: string;
  volume: string;
  became: "found" | "missed" | "not asked";
  at_mm: [number, number, number];
  radius_mm: number;
  slices: [number, number, number];
  why: string | null;
  mark: string | null;
  miss: "search" | "recognition" | "decision" | null;
  by: "eyes" | "head" | "pointer" | null;
  seconds_viewed: number | null;
}

/** What became of a mark; `why` of a false one: what lies there. */
export interface MarkTold {
  id: string;
  task: string;
  at_mm: [number, number, number];
  confidence: number;
  became: "found" | "duplicate" | "false";
  finding: string | null;
  off_mm: number | null;
  why: string | null;
}

/** A task's score: share of its points, what was said, what is right, and why: never a score without a reason. */
export interface TaskTold {
  id: string;
  prompt: string;
  scale: Scale;
  share: number;
  points: number;
  said: string;
  right: string;
  why: string;
  confidence: number | null;
}

/** An ability on a scale with its interval, before and after this case. */
export interface AbilityTold {
  scale: Scale;
  mean: number;
  low: number;
  high: number;
  before: number | null;
}

/** Peers, only as a band: the middle half of their shares on this case; None where fewer than five read it. */
export interface Band {
  low: number;
  high: number;
  count: number;
}

/** Feedback on a reading. */
export interface Told {
  says: string | null;
  synthetic: boolean;
  findings: FindingTold[];
  marks: MarkTold[];
  tasks: TaskTold[];
  layers: string[];
  abilities: AbilityTold[];
  peers: Band | null;
  coverage: number | null;
  coverage_by: "eyes" | "head" | "pointer" | null;
  minutes: number;
  references: string[];
  next_step: string;
}

/** An ability as it was believed after a case. */
export interface AbilityAt {
  at_s: number;
  mean: number;
  low: number;
  high: number;
}

/** An ability over time; nothing in `over`: no case asked it yet. */
export interface AbilityOver {
  scale: Scale;
  over: AbilityAt[];
}

/** How much of a topic of the curriculum was read: cases and concepts, of how many. */
export interface TopicRead {
  topic: string;
  cases_read: number;
  cases: number;
  concepts_read: number;
  concepts: number;
}

/** A concept whose review is due, since or from when. */
export interface Due {
  concept: string;
  due_s: number;
  is_due: boolean;
}

/** A case that was read. */
export interface CaseRead {
  reading: string;
  case: string;
  title: string;
  at_s: number;
  share: number;
}

/** Where a trainee stands. */
export interface Progress {
  abilities: AbilityOver[];
  curriculum: TopicRead[];
  reviews: Due[];
  readings: CaseRead[];
}

/** What a trainee wishes to be called. */
export interface NameAsk {
  name: string;
}

/** Digits or secret of an invitation, or of a device that is to be somebody's second. */
export interface JoinAsk {
  code: string;
}

/** Everything of a trainee is to go; `name` as it is written there, so that nobody does so by a slip. */
export interface EraseAsk {
  name: string;
}

/** A case as an educator sees it. */
export interface CaseListed {
  id: string;
  version: string;
  title: string;
  topic: string;
  concept: string;
  prevalence: "normal" | "common" | "rare";
  synthetic: boolean;
  published_s: number;
  is_open: boolean;
  readings: number;
}

/** Every case, as its newest version. */
export interface CaseList {
  cases: CaseListed[];
}

/** Whether a case may be chosen for trainees. */
export interface OpenAsk {
  is_open: boolean;
}

export type Answer = SegmentAnswer | BoxAnswer | MeasureAnswer | ClassifyAnswer | ReportAnswer | ChoiceAnswer | OrderAnswer | TextAnswer | ManageAnswer | GuideAnswer;

export type AnyEvent = Began | Displayed | Hidden | Looked | Marked | Unmarked | Answered | Hinted | Committed | Revealed | Paused | Resumed;

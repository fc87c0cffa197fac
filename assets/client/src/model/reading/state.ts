// The whole state of the reading room: flat page and headset draw the same.

import type { Vec3 } from "../affine";
import type { Cut } from "./cut";
import type { Layout } from "./hanging";
import type { LinkState } from "./journal";
import { NO_WORK, type Work } from "./work";
import type { Store } from "../store";
import type { VolumeNode } from "../../wire/messages";
import type { Learner, Progress, ReadingNow, TaskView, Told } from "../../wire/training_messages";

export type Phase = "lobby" | "opening" | "reading" | "feedback" | "progress";

/** What a press on a slice does. */
export type Tool = "mark" | "point" | "window" | "pan" | "measure" | "tilt" | "brush" | "eraser" | "box" | "region" | "path";

/** A study's images: asked for, made on the server, on their way, here. */
export interface Study {
  readonly state: "asked" | "making" | "loading" | "ready" | "failed";
  readonly fraction: number;
  readonly node: VolumeNode | null;
}

export interface Ruler {
  readonly volume: string;
  readonly from_mm: Vec3;
  readonly to_mm: Vec3;
}

/** A disc in which values are averaged, across `normal`. */
export interface Region {
  readonly normal: Vec3;
  readonly volume: string;
  readonly centre_mm: Vec3;
  readonly rim_mm: Vec3;
}

export interface Desk {
  readonly phase: Phase;
  readonly learner: Learner | null;
  /** Something failed: words, and whether trying again may help. */
  readonly trouble: { readonly words: string; readonly canRetry: boolean } | null;
  /** Something to know for a moment. */
  readonly notice: string | null;
  readonly reading: ReadingNow | null;
  readonly work: Work;
  readonly link: LinkState;
  readonly studies: Readonly<Record<string, Study>>;
  readonly layout: Layout;
  readonly cuts: readonly Cut[];
  readonly active: number;
  /** The pane that fills the wall. */
  readonly filled: number | null;
  readonly tool: Tool;
  readonly brush_mm: number;
  /** Task that is being worked on. */
  readonly task: string | null;
  readonly mark: string | null;
  readonly crosshair_mm: Vec3 | null;
  readonly isLinked: boolean;
  readonly rulers: readonly Ruler[];
  readonly regions: readonly Region[];
  /** What is being drawn and not let go yet. */
  readonly rubber: { readonly kind: "ruler" | "box" | "region"; readonly volume: string; readonly from_mm: Vec3; readonly to_mm: Vec3 } | null;
  readonly told: Told | null;
  /** Finding or mark of the feedback that is shown. */
  readonly shown: string | null;
  readonly progress: Progress | null;
  readonly is3d: boolean;
  /** A break was offered and neither taken nor put off. */
  readonly offersBreak: boolean;
  readonly hand: "left" | "right";
}

export type DeskStore = Store<Desk>;

export const INITIAL_DESK: Desk = {
  phase: "lobby",
  learner: null,
  trouble: null,
  notice: null,
  reading: null,
  work: NO_WORK,
  link: "kept",
  studies: {},
  layout: "hung",
  cuts: [],
  active: 0,
  filled: null,
  tool: "point",
  brush_mm: 6,
  task: null,
  mark: null,
  crosshair_mm: null,
  isLinked: true,
  rulers: [],
  regions: [],
  rubber: null,
  told: null,
  shown: null,
  progress: null,
  is3d: false,
  offersBreak: false,
  hand: "right",
};

export function taskOf({ reading, task }: Desk): TaskView | null {
  return reading?.case.tasks.find(({ id }) => id === task) ?? null;
}

export function nodeOf({ studies }: Desk, volume: string): VolumeNode | null {
  return studies[volume]?.node ?? null;
}

/** The study that a task is about; the first where it names none. */
export function volumeOfTask({ reading }: Desk, task: TaskView): string | null {
  return task.volume ?? reading?.case.volumes.find(({ role }) => role === "current")?.id ?? reading?.case.volumes[0]?.id ?? null;
}

/** Whether every task that is known of is answered for good. */
export function isAllCommitted({ reading, work }: Desk): boolean {
  const tasks = reading?.case.tasks ?? [];
  return tasks.length > 0 && tasks.every(({ id }) => work.tasks[id]?.isCommitted === true);
}

/** Whether a path that was recorded is judged; else the trainee lays his own. */
export const isJudged = (task: TaskView): boolean => task.kind === "guide" && task.options.length > 0;

/** The tool that suits a task. */
export const TOOL_OF: Record<TaskView["kind"], Tool> = {
  mark: "mark", segment: "brush", box: "box", measure: "measure", classify: "point", report: "point", choice: "point", order: "point", text: "point", manage: "point", guide: "point",
};

export function toolFor(task: TaskView | null): Tool {
  if (task === null) return "point";
  if (task.kind === "measure" && task.quantity === "mean_value") return "region";
  if (task.kind === "measure" && task.quantity === "volume_ml") return "measure";
  if (task.kind === "guide" && !isJudged(task)) return "path";
  return TOOL_OF[task.kind];
}

/** What a task needs drawn, beside the tools that are always there. */
export function toolsOf(task: TaskView | null): readonly Tool[] {
  const own = toolFor(task);
  if (own === "brush") return ["brush", "eraser"];
  return own === "mark" || own === "box" || own === "region" || own === "path" ? [own] : [];
}

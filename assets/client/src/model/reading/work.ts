// What was done so far in a reading: all of it follows from its events, as on the server.

import type { Vec3 } from "../affine";
import type { Answer, AnyEvent } from "../../wire/training_messages";

export interface Mark {
  readonly id: string;
  readonly at_mm: Vec3;
  readonly confidence: number;
}

export interface Given {
  readonly answer: Answer;
  readonly confidence: number | null;
}

/** A task's part of the work. */
export interface TaskWork {
  readonly marks: readonly Mark[];
  readonly given: Given | null;
  readonly hints: number;
  readonly isCommitted: boolean;
}

export interface Work {
  readonly tasks: Readonly<Record<string, TaskWork>>;
  readonly isRevealed: boolean;
  readonly isPaused: boolean;
  /** Time that was read, breaks left out, until the last event. */
  readonly read_s: number;
  readonly last_s: number;
}

export const NO_TASK_WORK: TaskWork = { marks: [], given: null, hints: 0, isCommitted: false };
export const NO_WORK: Work = { tasks: {}, isRevealed: false, isPaused: false, read_s: 0, last_s: 0 };

export const workOf = (work: Work, task: string): TaskWork => work.tasks[task] ?? NO_TASK_WORK;

/** The work once `event` has happened. What is committed stays as it is. */
export function after(work: Work, event: AnyEvent): Work {
  const passed = work.isPaused ? 0 : Math.max(0, event.t_s - work.last_s);
  const now = { ...work, read_s: work.read_s + passed, last_s: Math.max(work.last_s, event.t_s) };
  switch (event.kind) {
    case "marked":
      return onTask(now, event.task, (task) => ({ ...task, marks: withMark(task.marks, { id: event.mark, at_mm: event.at_mm, confidence: event.confidence }) }));
    case "unmarked":
      return onTask(now, event.task, (task) => ({ ...task, marks: task.marks.filter(({ id }) => id !== event.mark) }));
    case "answered":
      return onTask(now, event.task, (task) => ({ ...task, given: { answer: event.answer, confidence: event.confidence } }));
    case "hinted":
      return onTask(now, event.task, (task) => ({ ...task, hints: task.hints + 1 }));
    case "committed":
      return onTask(now, event.task, (task) => ({ ...task, isCommitted: true }));
    case "revealed":
      return { ...now, isRevealed: true };
    case "paused":
      return { ...now, isPaused: true };
    case "began":
    case "resumed":
      return { ...now, isPaused: false };
    case "displayed":
    case "hidden":
    case "looked":
      return now;
  }
}

function onTask(work: Work, name: string, change: (task: TaskWork) => TaskWork): Work {
  const task = workOf(work, name);
  return task.isCommitted ? work : { ...work, tasks: { ...work.tasks, [name]: change(task) } };
}

function withMark(marks: readonly Mark[], mark: Mark): readonly Mark[] {
  const known = marks.some(({ id }) => id === mark.id);
  return known ? marks.map((each) => (each.id === mark.id ? mark : each)) : [...marks, mark];
}

/** A name for the next mark of a task, that no mark of it had before. */
export function nextMark(events: Iterable<AnyEvent>, task: string): string {
  let last = 0;
  for (const event of events) if (event.kind === "marked" && event.task === task) last = Math.max(last, Number(event.mark.slice(1)) || 0);
  return `m${last + 1}`;
}

// The right side while a case is read: what is known, what is asked, and the answer.

import { answerFields, confidenceSlider } from "./answers";
import { element } from "../element";
import { icon } from "../icon";
import { isAllCommitted, nodeOf, taskOf, volumeOfTask, type Desk } from "../../model/reading/state";
import { answerWords, commitWords, percent } from "../../model/reading/words";
import { workOf } from "../../model/reading/work";
import type { ReadingDesk } from "../../reading/desk";
import type { TaskView } from "../../wire/training_messages";

export function createTaskPanel(desk: ReadingDesk): HTMLElement {
  const panel = element("aside", { class: "task-panel", "aria-label": "Tasks" });
  const draw = (): void => {
    const state = desk.store.get();
    if (state.phase !== "reading" || state.reading === null) return;
    // What is being typed stays as it is.
    const typing = document.activeElement instanceof HTMLTextAreaElement && panel.contains(document.activeElement) && document.activeElement.dataset["keeps"] === state.task;
    if (typing && !workOf(state.work, state.task).isCommitted) return;
    const focused = document.activeElement instanceof HTMLElement && panel.contains(document.activeElement) ? focusName(document.activeElement) : null;
    panel.replaceChildren(...contents(state, desk));
    if (focused) [...panel.querySelectorAll<HTMLElement>("button, input, textarea")].find((each) => focusName(each) === focused)?.focus();
  };
  for (const part of ["phase", "reading", "work", "task", "mark", "rulers", "studies", "link"] as const) desk.store.watch((state) => state[part], draw);
  return panel;
}

/** By what a control is found again after it was drawn anew. */
function focusName(control: HTMLElement): string {
  const { name, value, type } = control as HTMLInputElement;
  return [control.tagName, name, type === "radio" || type === "checkbox" ? value : "", control.getAttribute("aria-label") ?? "", control.tagName === "BUTTON" ? control.textContent : ""].join("|");
}

function contents(state: Desk, desk: ReadingDesk): Node[] {
  const { reading } = state;
  const task = taskOf(state);
  if (reading === null) return [];
  const history = reading.case.history === null ? [] : [element("section", { class: "panel-section history" }, element("h3", {}, "What is known"), element("p", {}, reading.case.history))];
  return [...history, steps(state, desk), ...(task ? [taskSection(task, state, desk)] : []), ending(state, desk)];
}

function steps(state: Desk, desk: ReadingDesk): HTMLElement {
  const tasks = state.reading?.case.tasks ?? [];
  return element("nav", { class: "steps", "aria-label": "Questions" }, ...tasks.map((task, index) => {
    const isOver = workOf(state.work, task.id).isCommitted;
    return element("button", { class: `step${isOver ? " over" : ""}`, type: "button", "aria-current": task.id === state.task ? "step" : null, title: task.prompt, onclick: () => desk.chooseTask(task.id) }, isOver ? icon("tick") : String(index + 1));
  }));
}

function taskSection(task: TaskView, state: Desk, desk: ReadingDesk): HTMLElement {
  const work = workOf(state.work, task.id);
  const node = nodeOf(state, volumeOfTask(state, task) ?? "");
  const words = answerWords(task, work.given, node);
  const sure = task.kind !== "mark" && task.asks_confidence && work.given ? [confidenceSlider(work.given.confidence ?? 0.5, work.isCommitted, "How sure of the answer", (confidence) => desk.setConfidence(confidence))] : [];
  const so = (task.kind === "segment" || task.kind === "box" || task.kind === "measure" || task.kind === "guide") && words !== null ? [element("p", { class: "so-far figure" }, words)] : [];
  const commit = work.isCommitted
    ? [element("p", { class: "committed" }, icon("tick"), "Committed")]
    : [element("button", { class: "button primary large", type: "button", "data-act": "commit", onclick: () => desk.commit() }, commitWords(task, work.marks.length, words))];
  return element("section", { class: "panel-section task", "data-task": task.id },
    element("p", { class: "prompt" }, task.prompt),
    ...answerFields(task, work, desk), ...so, ...sure, hints(task, state, desk), ...commit);
}

function hints(task: TaskView, state: Desk, desk: ReadingDesk): HTMLElement {
  const { hints: taken, isCommitted } = workOf(state.work, task.id);
  const told = (state.reading?.hints ?? []).filter((hint) => hint.task === task.id).map(({ text }) => element("p", { class: "hint-text" }, icon("hint"), element("span", {}, text)));
  const waiting = taken > told.length ? [element("p", { class: "hint" }, "The hint comes with the server's answer.")] : [];
  const cost = task.hints[taken];
  const ask = cost === undefined || isCommitted ? [] : [element("button", { class: "text hint-ask", type: "button", onclick: () => desk.hint() }, `Hint: costs ${percent(cost)} of this task's points`)];
  return element("div", { class: "hints" }, ...told, ...waiting, ...ask);
}

function ending(state: Desk, desk: ReadingDesk): HTMLElement {
  const tasks = state.reading?.case.tasks ?? [];
  const left = tasks.filter(({ id }) => !workOf(state.work, id).isCommitted).length;
  if (!isAllCommitted(state)) return element("p", { class: "left-over hint" }, left === 1 ? "Then comes what follows from it, or what was there." : `${left} questions to go, or more by your answers. Then what was there.`);
  const isWaiting = state.link !== "kept";
  return element("section", { class: "panel-section ending" },
    element("p", {}, isWaiting ? "All is answered. It is on its way to the server; more questions may come." : "All is answered."),
    element("button", { class: "button primary large", type: "button", disabled: isWaiting, onclick: () => void desk.reveal() }, "See what was there"));
}

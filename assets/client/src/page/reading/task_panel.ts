// The right side while a case is read: what is known, what is asked, and the answer.

import { answerFields, confidenceSlider } from "./answers";
import { element } from "../element";
import { icon } from "../icon";
import { isAllCommitted, isJudged, nodeOf, taskOf, volumeOfTask, type Desk } from "../../model/reading/state";
import { answerWords, commitWords, percent } from "../../model/reading/words";
import { workOf } from "../../model/reading/work";
import type { ReadingDesk } from "../../reading/desk";
import type { TaskView } from "../../wire/training_messages";

export function createTaskPanel(desk: ReadingDesk): HTMLElement {
  const panel = element("aside", { class: "task-panel", "aria-label": "Tasks" });
  let isPressed = false;
  let isStale = false;
  const draw = (): void => {
    const state = desk.store.get();
    if (state.phase !== "reading" || state.reading === null) return;
    // A press ends on the button on which it began: what leaving a field changed is drawn after it.
    if (isPressed) {
      isStale = true;
      return;
    }
    const typed = document.activeElement;
    if (typed instanceof HTMLTextAreaElement && panel.contains(typed) && typed.dataset["keeps"] === state.task && !workOf(state.work, state.task).isCommitted) {
      drawAround(panel, typed, contents(state, desk));
      return;
    }
    const focused = document.activeElement instanceof HTMLElement && panel.contains(document.activeElement) ? focusName(document.activeElement) : null;
    panel.replaceChildren(...contents(state, desk));
    if (focused) [...panel.querySelectorAll<HTMLElement>("button, input, textarea")].find((each) => focusName(each) === focused)?.focus();
  };
  for (const part of ["phase", "reading", "work", "task", "mark", "rulers", "studies", "link", "notice"] as const) desk.store.watch((state) => state[part], draw);
  panel.addEventListener("pointerdown", () => (isPressed = true));
  const letGo = (): void => void window.setTimeout(() => {
    isPressed = false;
    if (!isStale) return;
    isStale = false;
    draw();
  });
  for (const name of ["pointerup", "pointercancel", "blur"] as const) window.addEventListener(name, letGo);
  return panel;
}

/** Draws all but the field in which one types, which stays with its cursor. */
function drawAround(panel: HTMLElement, typed: HTMLTextAreaElement, fresh: readonly Node[]): void {
  const section = typed.parentElement!;
  const twin = fresh.find((each): each is HTMLElement => each instanceof HTMLElement && each.querySelector("textarea") !== null);
  for (const child of [...panel.childNodes]) if (child !== section) child.remove();
  section.before(...fresh.slice(0, fresh.indexOf(twin!)));
  section.after(...fresh.slice(fresh.indexOf(twin!) + 1));
  const later = [...twin!.childNodes];
  const from = later.findIndex((each) => each instanceof HTMLTextAreaElement) + 1;
  while (typed.nextSibling !== null) typed.nextSibling.remove();
  typed.after(...later.slice(from));
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
  const news = state.notice === null ? [] : [element("p", { class: "news", role: "status" }, icon("eye"), state.notice)];
  return [...history, ...news, steps(state, desk), ...(task ? [taskSection(task, state, desk)] : []), ending(state, desk)];
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
  const so = (task.kind === "segment" || task.kind === "box" || task.kind === "measure" || (task.kind === "guide" && !isJudged(task))) && words !== null ? [element("p", { class: "so-far figure" }, words)] : [];
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

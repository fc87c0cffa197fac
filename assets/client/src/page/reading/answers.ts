// What is asked on the panel, one maker a kind of task. Each shows what was given and tells what is given.

import { element } from "../element";
import { icon } from "../icon";
import { isJudged, nodeOf, volumeOfTask, type Desk } from "../../model/reading/state";
import { sureness, percent, QUANTITIES } from "../../model/reading/words";
import { workOf, type TaskWork } from "../../model/reading/work";
import { ellipsoid_ml } from "../../model/reading/volume_by_rulers";
import type { ReadingDesk } from "../../reading/desk";
import type { Answer, FieldView, OptionView, TaskView } from "../../wire/training_messages";

type Of<K extends Answer["kind"]> = Extract<Answer, { kind: K }>;

/** A maker of the fields of one kind of task. */
type Maker = (task: TaskView, work: TaskWork, desk: ReadingDesk) => (Node | string)[];

function given<K extends Answer["kind"]>(work: TaskWork, kind: K): Of<K> | null {
  const answer = work.given?.answer;
  return answer?.kind === kind ? (answer as Of<K>) : null;
}

/** As it stands now, not as it was drawn: two presses may come before the first is seen. */
function givenNow<K extends Answer["kind"]>(task: TaskView, desk: ReadingDesk, kind: K): Of<K> | null {
  return given(workOf(desk.store.get().work, task.id), kind);
}

function options(name: string, list: readonly OptionView[], chosen: readonly string[], several: boolean, isOver: boolean, choose: (id: string, isChosen: boolean) => void): HTMLElement {
  const rows = list.map(({ id, text }) =>
    element("label", { class: "option" },
      element("input", { type: several ? "checkbox" : "radio", name, value: id, checked: chosen.includes(id), disabled: isOver, onchange: (event) => {
        choose(id, (event.target as HTMLInputElement).checked);
      } }),
      element("span", {}, text)),
  );
  return element("div", { class: "options", role: several ? "group" : "radiogroup" }, ...rows);
}

function fieldOf(field: FieldView, value: string | number | undefined, isOver: boolean, enter: (value: string | number) => void): HTMLElement {
  if (field.options.length > 0) {
    return element("fieldset", { class: "field" }, element("legend", {}, field.prompt), options(`field-${field.id}`, field.options, typeof value === "string" ? [value] : [], false, isOver, (id) => enter(id)));
  }
  const input = element("input", { type: "number", step: "any", value: value ?? "", disabled: isOver, onchange: (event) => {
    const number = (event.target as HTMLInputElement).valueAsNumber;
    if (Number.isFinite(number)) enter(number);
  } });
  return element("label", { class: "field number" }, element("span", {}, field.prompt), element("span", { class: "row" }, input, element("span", { class: "quiet-text" }, field.unit)));
}

const MAKERS: Record<TaskView["kind"], Maker> = {
  mark: (task, work, desk) => [marksList(task, work, desk)],
  segment: (_task, work) => [hint(work, "Paint it on each slice where you see it. Scroll with the wheel while you paint.")],
  box: (_task, work) => [hint(work, "Drag a box round it in one plane, then in a second plane for its depth.")],
  measure: (task, work, desk) => {
    const { how, unit } = QUANTITIES[task.quantity ?? "diameter_mm"];
    const value = given(work, "measure")?.value;
    const volume = volumeOfTask(desk.store.get(), task);
    const shownUnit = unit || (volume && nodeOf(desk.store.get(), volume)?.quantity) || "";
    const input = element("input", { type: "number", step: "any", value: value === undefined ? "" : Math.round(10 * value) / 10, disabled: work.isCommitted, "aria-label": "Value", onchange: (event) => {
      const number = (event.target as HTMLInputElement).valueAsNumber;
      if (Number.isFinite(number)) desk.answer({ kind: "measure", value: number, ends_mm: null });
    } });
    const ellipsoid = task.quantity === "volume_ml" ? ellipsoid_ml(desk.store.get().rulers.filter((ruler) => ruler.volume === volume)) : null;
    const take = ellipsoid === null || work.isCommitted ? [] : [element("button", { class: "button", type: "button", onclick: () => desk.answer({ kind: "measure", value: ellipsoid, ends_mm: null }) }, `Take ${ellipsoid.toPrecision(2)} ml from the last three rulers`)];
    return [hint(work, how), element("label", { class: "field number" }, element("span", {}, "Value"), element("span", { class: "row" }, input, element("span", { class: "quiet-text" }, shownUnit))), ...take];
  },
  classify: (task, work, desk) => {
    const now = given(work, "classify");
    const features = now?.features ?? {};
    const latest = (): Record<string, string | number> => ({ ...drafts.get(task.id), ...givenNow(task, desk, "classify")?.features });
    const enter = (category: string, next: Record<string, string | number>): void => desk.answer({ kind: "classify", category, features: next });
    // Features may be entered before a category is chosen: the answer begins with the category.
    const pending = drafts.get(task.id) ?? {};
    const known = { ...pending, ...features };
    return [
      ...task.fields.map((field) => fieldOf(field, known[field.id], work.isCommitted, (value) => {
        const next = { ...latest(), [field.id]: value };
        drafts.set(task.id, next);
        const category = givenNow(task, desk, "classify")?.category;
        if (category !== undefined) enter(category, next);
      })),
      task.options.length > 0
        ? element("fieldset", { class: "field" }, element("legend", {}, "Category"), options(`category-${task.id}`, task.options, now ? [now.category] : [], false, work.isCommitted, (id) => enter(id, latest())))
        : typedCategory(now?.category ?? "", work.isCommitted, (category) => enter(category, latest())),
    ];
  },
  report: (task, work, desk) => {
    const fields = given(work, "report")?.fields ?? {};
    return task.fields.map((field) => fieldOf(field, fields[field.id], work.isCommitted, (value) => desk.answer({ kind: "report", fields: { ...givenNow(task, desk, "report")?.fields, [field.id]: String(value) } })));
  },
  choice: (task, work, desk) => [options(`choice-${task.id}`, task.options, given(work, "choice")?.chosen ?? [], task.several, work.isCommitted, (id, isChosen) => {
    const before = givenNow(task, desk, "choice")?.chosen ?? [];
    const chosen = task.several ? task.options.map((each) => each.id).filter((each) => (each === id ? isChosen : before.includes(each))) : [id];
    desk.answer({ kind: "choice", chosen });
  })],
  manage: (task, work, desk) => {
    const chosen = given(work, "manage")?.chosen;
    return [options(`manage-${task.id}`, task.options, chosen === undefined ? [] : [chosen], false, work.isCommitted, (id) => desk.answer({ kind: "manage", chosen: id }))];
  },
  order: (task, work, desk) => {
    const items = given(work, "order")?.items ?? task.options.map(({ id }) => id);
    const move = (id: string, by: number): void => {
      const next = [...(givenNow(task, desk, "order")?.items ?? items)];
      const from = next.indexOf(id);
      if (next[from + by] !== undefined) next.splice(from + by, 0, ...next.splice(from, 1));
      desk.answer({ kind: "order", items: next });
    };
    return [element("ol", { class: "order" }, ...items.map((id, index) => {
      const text = task.options.find((option) => option.id === id)?.text ?? id;
      const button = (name: "up" | "down", by: number): HTMLElement => element("button", { class: "quiet", type: "button", disabled: work.isCommitted || items[index + by] === undefined, "aria-label": `${text}: ${name}`, onclick: () => move(id, by) }, icon(name));
      return element("li", {}, element("span", { class: "label" }, text), button("up", -1), button("down", 1));
    }))];
  },
  text: (task, work, desk) => {
    let timer = 0;
    const area: HTMLTextAreaElement = element("textarea", { rows: 6, disabled: work.isCommitted, "data-keeps": task.id, "aria-label": task.prompt, placeholder: "What you see, and what it means", oninput: () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => desk.answer({ kind: "text", text: area.value }), 600);
    }, onchange: () => {
      window.clearTimeout(timer);
      if (area.value !== (given(work, "text")?.text ?? "")) desk.answer({ kind: "text", text: area.value });
    } });
    area.value = given(work, "text")?.text ?? "";
    return [area];
  },
  guide: (task, work, desk) => {
    if (!isJudged(task)) return [hint(work, "Press the entry on the skin in one slice, then the target in another. Press again to begin anew.")];
    const nearest = given(work, "guide")?.nearest;
    const jump = (index: number): void => {
      const point = task.path[index];
      const volume = volumeOfTask(desk.store.get(), task);
      if (point && volume) desk.goTo(volume, [point[1], point[2], point[3]]);
    };
    const along = element("input", { type: "range", min: 0, max: task.path.length - 1, value: 0, "aria-label": "Along the path", oninput: (event) => jump(Number((event.target as HTMLInputElement).value)) });
    const follow = task.path.length > 0 ? element("label", { class: "field" }, element("span", {}, "Follow the tool's tip"), along) : element("p", { class: "hint" }, "The path comes with the images.");
    return [follow, options(`guide-${task.id}`, task.options, nearest == null ? [] : [nearest], false, work.isCommitted, (id) => desk.answer({ kind: "guide", path: [], nearest: id }))];
  },
};

/** Of a scheme whose categories this server does not know. */
function typedCategory(value: string, isOver: boolean, enter: (category: string) => void): HTMLElement {
  const input = element("input", { type: "text", value, disabled: isOver, maxlength: 300, onchange: () => {
    if (input.value.trim() !== "") enter(input.value.trim());
  } });
  return element("label", { class: "field number" }, element("span", {}, "Category"), input);
}

/** Features entered before their category. */
const drafts = new Map<string, Record<string, string | number>>();

function hint(work: TaskWork, text: string): string | HTMLElement {
  return work.isCommitted ? "" : element("p", { class: "hint" }, text);
}

export function answerFields(task: TaskView, work: TaskWork, desk: ReadingDesk): (Node | string)[] {
  return MAKERS[task.kind](task, work, desk);
}

/** How sure, by a slider that tells when it is let go. */
export function confidenceSlider(value: number, isOver: boolean, label: string, tell: (confidence: number) => void): HTMLElement {
  const words = element("span", { class: "sure" }, `${sureness(value)} · ${percent(value)}`);
  const input = element("input", { type: "range", min: 0, max: 1, step: 0.01, value, disabled: isOver, "aria-label": label, style: `--part: ${100 * value}%`, oninput: () => {
    words.textContent = `${sureness(input.valueAsNumber)} · ${percent(input.valueAsNumber)}`;
    input.style.setProperty("--part", `${100 * input.valueAsNumber}%`);
  }, onchange: () => tell(input.valueAsNumber) });
  return element("label", { class: "confidence" }, element("span", { class: "row spread" }, element("span", { class: "caption" }, "How sure"), words), input);
}

function marksList(task: TaskView, work: TaskWork, desk: ReadingDesk): HTMLElement {
  const state: Desk = desk.store.get();
  const volume = volumeOfTask(state, task);
  if (work.marks.length === 0) return element("p", { class: "hint" }, work.isCommitted ? "Nothing was marked." : "Press on the slice where you see something. Nothing there? Commit without a mark.");
  return element("ul", { class: "mark-list" }, ...workOf(state.work, task.id).marks.map((mark, index) => {
    const isChosen = mark.id === state.mark;
    const go = (): void => {
      desk.set({ mark: mark.id });
      if (volume) desk.goTo(volume, mark.at_mm);
    };
    return element("li", { class: `mark-row${isChosen ? " selected" : ""}`, "data-mark": mark.id },
      element("div", { class: "row spread" },
        element("button", { class: "mark-name", type: "button", onclick: go }, element("span", { class: "mark-dot" }, String(index + 1)), `Mark ${index + 1}`),
        element("button", { class: "quiet", type: "button", disabled: work.isCommitted, "aria-label": `Take mark ${index + 1} away`, onclick: () => desk.unmark(mark.id) }, icon("close"))),
      confidenceSlider(mark.confidence, work.isCommitted, `How sure of mark ${index + 1}`, (confidence) => desk.setMark(mark.id, { confidence })));
  }));
}

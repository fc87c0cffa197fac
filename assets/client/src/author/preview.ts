// The selected thing as the trainee meets it: a question before it is answered, or what is told afterwards.

import { nameOfLesion, type AuthorStore } from "./state";
import { element } from "../page/element";
import type { Draft, DraftTask } from "../wire/author_messages";

const shuffled = <T>(items: readonly T[]): T[] => items.map((item, n) => ({ item, at: (n * 7 + 3) % items.length })).sort((a, b) => a.at - b.at).map(({ item }) => item);

function answerOf(task: DraftTask): HTMLElement {
  const options = task.options.map((one) => one.text || "…");
  switch (task.kind) {
    case "mark":
      return element("p", { class: "hint" }, "Click each place on the slices, and say how sure you are of it. None is there: commit without a mark.");
    case "choice":
    case "manage":
      return element("div", { class: "preview-options" }, ...options.map((name) => element("label", {}, element("input", { type: task.several && task.kind === "choice" ? "checkbox" : "radio", name: "preview", disabled: true }), element("span", {}, name))));
    case "order":
      return element("ol", { class: "preview-options" }, ...shuffled(options).map((name) => element("li", {}, `⋮⋮ ${name}`)));
    case "measure":
      return element("p", { class: "hint" }, "Lay a ruler on the slices, or type the value.");
    case "segment":
      return element("p", { class: "hint" }, "Paint it on the slices.");
    case "box":
      return element("p", { class: "hint" }, "Draw the box that just holds it.");
    case "text":
      return element("div", { class: "preview-area" }, "Your words");
    case "classify":
      return element("div", { class: "preview-area" }, `Category of ${task.scheme || "the scheme"}`);
  }
}

function taskCard(draft: Draft, task: DraftTask): HTMLElement[] {
  const n = draft.tasks.indexOf(task);
  return [
    element("p", { class: "hint figure" }, `Question ${n + 1} of ${draft.tasks.length}`),
    element("p", { class: "preview-prompt" }, task.prompt || "…"),
    answerOf(task),
    ...(task.asks_confidence && task.kind !== "mark" ? [element("div", { class: "row hint" }, "How sure?", element("input", { type: "range", disabled: true, "aria-label": "How sure" }))] : []),
    ...(task.hints.length > 0 ? [element("span", { class: "text" }, `Take a hint (−${Math.round(task.hints[0]!.cost * 100)} % of the points)`)] : []),
    element("span", { class: "button primary", "aria-hidden": "true" }, "Commit"),
  ];
}

const said = (title: string, words: string): HTMLElement[] => [element("p", { class: "hint" }, title), element("p", { class: "preview-prompt" }, words || "…")];

export function createPreview(store: AuthorStore): HTMLElement {
  const card = element("div", { class: "preview-card", inert: true });
  const root = element("section", { class: "author-preview", "aria-label": "As the trainee sees it" }, element("h3", {}, "As the trainee sees it"), card);
  store.watch((s) => s, ({ draft, selected }) => {
    if (draft === null) return;
    const parts = ((): HTMLElement[] => {
      if (selected.place === "task") return draft.tasks.filter(({ id }) => id === selected.id).flatMap((one) => taskCard(draft, one));
      if (selected.place === "lesion") {
        const lesion = draft.lesions.find(({ id }) => id === selected.id);
        if (lesion === undefined) return [];
        return said(lesion.role === "finding" ? `If missed: ${nameOfLesion(lesion)}` : `If marked: this is no finding`, lesion.role === "finding" ? lesion.why : `${nameOfLesion(lesion)}. ${lesion.why}`);
      }
      if (selected.place === "feedback") return draft.feedback.filter(({ id }) => id === selected.id).flatMap((one) => said("Feedback", one.text));
      return [element("p", { class: "preview-prompt" }, draft.title || "…"), element("p", { class: "hint" }, draft.history || "No history given.")];
    })();
    const text = parts.map((one) => one.outerHTML).join("");
    if (card.innerHTML !== text) card.replaceChildren(...parts);
  });
  return root;
}

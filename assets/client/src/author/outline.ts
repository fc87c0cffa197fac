// The outline of a case at the left: the case, its lesions, its questions, its feedback, and what is missing.

import { KIND_NAMES, nameOfLesion, type AuthorStore, type Selected } from "./state";
import { element } from "../page/element";
import type { FlawTold, ItemStatistics, TaskKind } from "../wire/author_messages";

export interface OutlineActions {
  select(selected: Selected): void;
  addLesion(): void;
  addTask(kind: TaskKind): void;
  addFeedback(): void;
  follow(flaw: FlawTold): void;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function figures(item: ItemStatistics): string {
  const parts = [item.missed ? `${percent(item.missed.mean)} wrong` : "", item.median_s === null ? "" : `${Math.round(item.median_s)} s`, `${item.count} answers`];
  return parts.filter(Boolean).join(" · ");
}

export function createOutline(store: AuthorStore, actions: OutlineActions): HTMLElement {
  const body = element("div", { class: "outline" });
  const missing = element("div", { class: "missing", role: "status" });
  const root = element("nav", { class: "author-left", "aria-label": "Outline of the case" }, body, missing);
  const row = (selected: Selected, name: string, detail: string, mark = ""): HTMLElement => {
    const now = store.get();
    const isCurrent = JSON.stringify(now.selected) === JSON.stringify(selected);
    const flaws = now.flaws.filter((one) => one.place === selected.place && (selected.place === "case" || one.id === selected.id)).length;
    return element("button", { class: "outline-row", type: "button", "aria-current": isCurrent ? "true" : null, onclick: () => actions.select(selected) },
      element("span", { class: `outline-mark ${mark}`, "aria-hidden": "true" }),
      element("span", { class: "label" }, name),
      element("span", { class: "detail" }, detail),
      flaws > 0 ? element("span", { class: "outline-flaw", title: `${flaws} missing`, "aria-label": `${flaws} missing` }, "!") : null);
  };
  const adder = element("select", { class: "adder", "aria-label": "Add a question", onchange: () => {
    const kind = adder.value as TaskKind | "";
    adder.value = "";
    if (kind !== "") actions.addTask(kind);
  } }, element("option", { value: "" }, "+ Add"), ...Object.entries(KIND_NAMES).map(([kind, name]) => element("option", { value: kind }, name)));
  const section = (title: string, add: HTMLElement | null, rows: readonly HTMLElement[], empty: string): HTMLElement =>
    element("section", { class: "outline-section" }, element("div", { class: "row spread" }, element("h3", {}, title), add), ...(rows.length > 0 ? rows : [element("p", { class: "hint" }, empty)]));
  const addButton = (label: string, act: () => void): HTMLElement => element("button", { class: "text", type: "button", "aria-label": label, onclick: act }, "+ Add");
  const draw = (): void => {
    const { draft, lesions, statistics } = store.get();
    if (draft === null) return;
    const measure = (id: string): string => {
      const found = lesions.find((one) => one.id === id);
      return found ? `${Math.round(found.diameter_mm)} mm` : "";
    };
    body.replaceChildren(
      section("Case", null, [row({ place: "case" }, draft.title.trim() || "Untitled", draft.topic)], ""),
      section("Lesions", addButton("Add a lesion", () => actions.addLesion()), draft.lesions.map((one) => row({ place: "lesion", id: one.id }, nameOfLesion(one), measure(one.id), one.role)), "None: published so, it is a normal case."),
      section("Questions", adder, draft.tasks.map((one, n) => {
        const item = statistics.find(({ task }) => task === one.id);
        return element("div", {}, row({ place: "task", id: one.id }, `${n + 1}. ${one.prompt.trim() || "…"}`, KIND_NAMES[one.kind]), item ? element("p", { class: "hint item-figures" }, figures(item)) : null);
      }), "Ask at least one thing."),
      section("Feedback", addButton("Add feedback", () => actions.addFeedback()), draft.feedback.map((one) => row({ place: "feedback", id: one.id }, one.text.trim() || "…", one.when)), "What was missed is told anyway."),
    );
  };
  const drawMissing = (flaws: readonly FlawTold[]): void => {
    if (flaws.length === 0) {
      missing.replaceChildren(element("p", { class: "hint ready" }, "Nothing is missing: it can be published."));
      return;
    }
    missing.replaceChildren(element("h3", {}, `Missing (${flaws.length})`), ...flaws.slice(0, 6).map((one) => element("button", { class: "missing-row", type: "button", onclick: () => actions.follow(one) }, one.says)));
  };
  for (const part of ["draft", "lesions", "selected", "flaws", "statistics"] as const) store.watch((s) => s[part], draw);
  store.watch((s) => s.flaws, drawMissing);
  return root;
}

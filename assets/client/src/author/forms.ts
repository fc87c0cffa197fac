// The form of what is selected: made anew when its parts change, left alone while somebody types in it.

import type { Keeper } from "./keeper";
import { freeId, KIND_NAMES, nameOfLesion, newOption, withPart, type AuthorState, type AuthorStore } from "./state";
import { element } from "../page/element";
import { icon } from "../page/icon";
import type { Draft, DraftCheck, DraftFeedback, DraftHint, DraftLesion, DraftOption, DraftTask, FeedbackWhen, FlawPlace, TaskKind } from "../wire/author_messages";

const TOPICS = ["Chest", "Abdomen", "Neuro", "Head and neck", "Musculoskeletal", "Cardiac", "Vascular", "Breast", "Paediatric", "Emergency"];

export interface FormActions {
  remove(place: "lesion" | "task" | "feedback", id: string): void;
  move(id: string, by: -1 | 1): void;
  goTo(id: string): void;
  fill(id: string): void;
}

/** What every field needs. */
interface Context {
  readonly state: AuthorState;
  readonly draft: Draft;
  readonly keeper: Keeper;
  readonly actions: FormActions;
  readonly place: FlawPlace;
  readonly id: string | null;
  readonly set: (what: string, part: object) => void;
  /** The draft as it is by now: a form outlives what it was made from. */
  readonly latest: () => Draft;
}

/** A task as it is by now. */
const taskNow = ({ latest }: Context, { id }: DraftTask): DraftTask | undefined => latest().tasks.find((one) => one.id === id);

let serial = 0;
/** Typing in one field, from coming to it to leaving it, is one step of undo. */
let session = "";

function flawOf({ state, place, id }: Context, field: string): string | null {
  if (!state.showFlaws) return null;
  return state.flaws.find((one) => one.place === place && (place === "case" || one.id === id) && one.field === field)?.says ?? null;
}

function labelled(context: Context, field: string, label: string, control: HTMLElement, hint?: string): HTMLElement {
  const flaw = flawOf(context, field);
  // The name is the label alone: hint and flaw are read after it.
  const input = control.matches("input, textarea, select") ? control : (control.querySelector("input") ?? control);
  const about = `about-${field}`;
  input.setAttribute("aria-label", label);
  if (hint ?? flaw) input.setAttribute("aria-describedby", about);
  if (flaw) input.setAttribute("aria-invalid", "true");
  return element("label", { class: "field" }, element("span", { class: "field-label" }, label), control, element("span", { id: about, class: "about" }, hint ? element("span", { class: "hint" }, hint) : null, flaw ? element("span", { class: "flaw", role: "alert" }, flaw) : null));
}

function bound<T extends HTMLInputElement | HTMLTextAreaElement>(control: T, name: string, act: (value: string) => void): T {
  control.name = name;
  control.addEventListener("focus", () => (session = `${name}-${++serial}`));
  control.addEventListener("input", () => act(control.value));
  return control;
}

function grow(area: HTMLTextAreaElement): void {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

function text(context: Context, field: string, label: string, value: string, { hint, rows, placeholder, list }: { hint?: string; rows?: number; placeholder?: string; list?: string } = {}): HTMLElement {
  const attributes = { class: "input", placeholder: placeholder ?? null, ...(list ? { list } : {}) };
  const control = rows ? element("textarea", { ...attributes, rows }) : element("input", { ...attributes, type: "text" });
  control.value = value;
  bound<HTMLInputElement | HTMLTextAreaElement>(control, field, (now) => context.set(label.toLowerCase(), { [field]: now }));
  if (control instanceof HTMLTextAreaElement) {
    control.addEventListener("input", () => grow(control));
    requestAnimationFrame(() => grow(control));
  }
  return labelled(context, field, label, control, hint);
}

function number(context: Context, field: string, label: string, value: number | null, unit: string, step: number): HTMLElement {
  const control = element("input", { class: "input short", type: "number", step });
  control.value = value === null ? "" : String(value);
  bound(control, field, (now) => context.set(label.toLowerCase(), { [field]: now === "" ? null : Number(now) }));
  return labelled(context, field, label, element("span", { class: "row" }, control, element("span", { class: "hint" }, unit)));
}

function tick(context: Context, field: string, label: string, value: boolean): HTMLElement {
  const control = element("input", { type: "checkbox", name: field, onchange: () => context.set(label.toLowerCase(), { [field]: control.checked }) });
  control.checked = value;
  return element("label", { class: "tick" }, control, element("span", {}, label));
}

function choice(context: Context, field: string, label: string, value: string, options: readonly (readonly [string, string])[]): HTMLElement {
  const control = element("select", { name: field, onchange: () => context.set(label.toLowerCase(), { [field]: control.value === "" ? null : control.value }) }, ...options.map(([id, name]) => element("option", { value: id }, name)));
  control.value = value;
  return labelled(context, field, label, control);
}

const small = (name: string | Node, label: string, act: () => void): HTMLElement => element("button", { class: "quiet", type: "button", title: label, "aria-label": label, onclick: act }, name);
const textButton = (name: string, act: () => void): HTMLElement => element("button", { class: "button", type: "button", onclick: act }, name);

function head(title: string, ...tools: HTMLElement[]): HTMLElement {
  return element("div", { class: "row spread form-head" }, element("h2", {}, title), element("div", { class: "row" }, ...tools));
}

function more(name: string, isOpen: boolean, ...children: (HTMLElement | null)[]): HTMLElement {
  return element("details", { class: "more", open: isOpen }, element("summary", {}, name), ...children);
}

// --- the case -----------------------------------------------------------------------------------

function caseForm(context: Context): HTMLElement[] {
  const { draft, state } = context;
  const presets = state.scene?.nodes.find((node) => node.kind === "volume")?.presets ?? [];
  return [
    head("Case"),
    text(context, "title", "Title", draft.title, { placeholder: "Cough for six weeks", hint: "What the trainee sees: it gives nothing away." }),
    text(context, "history", "History", draft.history, { rows: 3, placeholder: "Age, complaint, what was asked" }),
    text(context, "topic", "Topic", draft.topic, { list: "topics", placeholder: "Chest" }),
    element("datalist", { id: "topics" }, ...TOPICS.map((topic) => element("option", { value: topic }))),
    text(context, "says", "The case in a few sentences", draft.says, { rows: 3, hint: "Shown once the trainee has answered." }),
    more("Details", state.showFlaws && state.flaws.some((one) => one.place === "case" && one.field === "licence"),
      text(context, "concept", "Concept", draft.concept, { placeholder: "as the first finding is called", hint: "A review shows another case of the same concept." }),
      text(context, "authors", "Authors", draft.authors, { placeholder: "with commas between" }),
      text(context, "licence", "Licence", draft.licence),
      difficulty(context),
      tick(context, "is_rare", "Rare, and to be seen all the same", draft.is_rare),
      presets.length > 0 ? choice(context, "window", "Opens with", draft.window ?? presets[0]!.name, presets.map(({ name }) => [name, name] as const)) : null,
      references(context),
    ),
  ];
}

const HARDNESS = ["much easier than most", "easier than most", "as most", "harder than most", "much harder than most"] as const;

function difficulty(context: Context): HTMLElement {
  const { difficulty: value } = context.draft;
  const shown = (now: number): string => HARDNESS[Math.round(now) + 2] ?? "as most";
  const words = element("span", { class: "hint" }, shown(value));
  const control = element("input", { type: "range", min: -2, max: 2, step: 1, "aria-label": "Difficulty", oninput: () => {
    words.textContent = shown(Number(control.value));
    control.style.setProperty("--part", `${(Number(control.value) + 2) * 25}%`);
    context.set("difficulty", { difficulty: Number(control.value) });
  } });
  control.value = String(value);
  control.style.setProperty("--part", `${(value + 2) * 25}%`);
  return labelled(context, "difficulty", "Difficulty, as you guess it", element("span", { class: "row" }, control, words), "Answers correct the guess.");
}

function references(context: Context): HTMLElement {
  const { draft } = context;
  const set = (next: Draft["references"]): void => context.set("references", { references: next });
  const rows = draft.references.map((one, n) => {
    const put = (part: object): void => set(context.latest().references.map((each, m) => (m === n ? { ...each, ...part } : each)));
    const title = bound(element("input", { class: "input", placeholder: "Title", "aria-label": "Title of a reference", value: one.title }), `ref-${n}`, (now) => put({ title: now }));
    const doi = bound(element("input", { class: "input short", placeholder: "10.…", "aria-label": "DOI", value: one.doi }), `doi-${n}`, (now) => put({ doi: now }));
    return element("div", { class: "row" }, title, doi, small("×", "Take this reference away", () => set(context.latest().references.filter((_, m) => m !== n))));
  });
  return element("div", { class: "field" }, element("span", { class: "field-label" }, "References"), ...rows, element("button", { class: "text", type: "button", onclick: () => set([...context.latest().references, { title: "", doi: "" }]) }, "+ Add a reference"));
}

// --- a lesion -----------------------------------------------------------------------------------

function lesionForm(context: Context, lesion: DraftLesion): HTMLElement[] {
  const painted = context.state.lesions.find(({ id }) => id === lesion.id);
  const [first, last] = painted?.slices ?? [0, 0];
  const measures = painted
    ? element("dl", { class: "facts" },
        element("dt", {}, "Volume"), element("dd", {}, painted.volume_ml >= 1 ? `${painted.volume_ml.toFixed(1)} ml` : `${Math.round(painted.volume_ml * 1000)} mm³`),
        element("dt", {}, "Across, in a slice"), element("dd", {}, `${Math.round(painted.diameter_mm)} mm`),
        element("dt", {}, "Slices"), element("dd", {}, first === last ? `${first + 1}` : `${first + 1} to ${last + 1}`))
    : element("p", { class: "hint" }, lesion.at_mm ? `A point, ${lesion.radius_mm} mm round it.` : "Not painted yet. Choose Grow and click it on a slice.");
  const flaw = flawOf(context, "place");
  return [
    head(nameOfLesion(lesion), small(icon("solo"), "Go to it", () => context.actions.goTo(lesion.id)), small("×", "Delete this", () => context.actions.remove("lesion", lesion.id))),
    text(context, "name", "What it is", lesion.name, { placeholder: "Lung nodule" }),
    element("div", { class: "segmented", role: "radiogroup", "aria-label": "To be found, or not" }, ...(["finding", "distractor"] as const).map((role) =>
      element("button", { type: "button", role: "radio", "aria-checked": String(lesion.role === role), onclick: () => context.set("role", { role }) }, role === "finding" ? "To be found" : "Only looks like it"))),
    measures,
    flaw ? element("span", { class: "flaw", role: "alert" }, flaw) : element("span"),
    painted ? textButton("Fill in between painted slices", () => context.actions.fill(lesion.id)) : element("span"),
    text(context, "why", lesion.role === "finding" ? "Why it is missed" : "What it is instead", lesion.why, { rows: 3, hint: lesion.role === "finding" ? "Told to whoever missed it: what shows it." : "Told to whoever marked it." }),
    more("Details", flawOf(context, "code") !== null,
      text(context, "code", "Code", lesion.code, { placeholder: "RID50149 pulmonary nodule" }),
      lesion.role === "finding" ? tick(context, "is_key", "The case is about this", lesion.is_key) : null,
      lesion.role === "finding" ? number(context, "weight", "Weight", lesion.weight, "beside the others of the case", 0.5) : null,
      lesion.at_mm ? number(context, "radius_mm", "Radius", lesion.radius_mm, "mm", 1) : null),
  ];
}

// --- a task -------------------------------------------------------------------------------------

function optionRows(context: Context, task: DraftTask, noun: string): HTMLElement {
  const set = (options: readonly DraftOption[], what: string): void => context.set(what, { options: [...options] });
  const options = (): readonly DraftOption[] => taskNow(context, task)?.options ?? [];
  const put = (id: string, part: Partial<DraftOption>, what = noun): void => set(options().map((one) => (one.id === id ? { ...one, ...part } : one)), what);
  const right = (one: DraftOption): HTMLElement => {
    const control = element("input", { type: task.several ? "checkbox" : "radio", name: "right", "aria-label": `“${one.text || "this"}” is right`, title: "The right answer", onchange: () =>
      set(options().map((each) => (each.id === one.id ? { ...each, is_right: control.checked } : task.several ? each : { ...each, is_right: false })), "right answer") });
    control.checked = one.is_right;
    return control;
  };
  const harm = (one: DraftOption): HTMLElement => bound(element("input", { class: "input tiny", type: "number", min: 0, max: 100, step: 1, "aria-label": "Harm", title: "Harm: 0 for the best", value: one.harm }), `harm-${one.id}`, (now) => put(one.id, { harm: Number(now) }, "harm"));
  const rows = task.options.map((one, n) => {
    const words = bound(element("input", { class: "input", "aria-label": `${noun} ${n + 1}`, placeholder: `${noun} ${n + 1}`, value: one.text }), `option-${one.id}`, (now) => put(one.id, { text: now }));
    const lead = task.kind === "choice" ? right(one) : task.kind === "manage" ? harm(one) : element("span", { class: "hint figure" }, `${n + 1}.`);
    const why = bound(element("input", { class: "input why-input", "aria-label": `Why, ${noun.toLowerCase()} ${n + 1}`, placeholder: "Why — told to whoever chose it", value: one.why }), `why-${one.id}`, (now) => put(one.id, { why: now }, "why"));
    return element("div", { class: "option-row" }, lead, words, small("×", `Take ${noun.toLowerCase()} ${n + 1} away`, () => set(options().filter((each) => each.id !== one.id), noun)), task.kind === "order" ? null : why);
  });
  const label = task.kind === "choice" ? "Answers — tick the right one" : task.kind === "manage" ? "Choices, with their harm" : "Items, in the right order";
  const flaw = flawOf(context, "options");
  return element("div", { class: "field" }, element("span", { class: "field-label" }, label), ...rows,
    flaw ? element("span", { class: "flaw", role: "alert" }, flaw) : null,
    element("button", { class: "text", type: "button", onclick: () => set([...options(), newOption(options())], noun) }, `+ Add`));
}

function checkRows(context: Context, task: DraftTask): HTMLElement {
  const set = (checklist: readonly DraftCheck[]): void => context.set("checklist", { checklist: [...checklist] });
  const checks = (): readonly DraftCheck[] => taskNow(context, task)?.checklist ?? [];
  const put = (id: string, part: Partial<DraftCheck>): void => set(checks().map((one) => (one.id === id ? { ...one, ...part } : one)));
  const rows = task.checklist.map((one) => element("div", { class: "option-row" },
    bound(element("input", { class: "input", placeholder: "What should be said", "aria-label": "What should be said", value: one.text }), `check-${one.id}`, (now) => put(one.id, { text: now })),
    small("×", "Take this point away", () => set(checks().filter((each) => each.id !== one.id))),
    bound(element("input", { class: "input why-input", placeholder: "known by: words, with commas between", "aria-label": "Words by which it is known", value: one.any_of }), `words-${one.id}`, (now) => put(one.id, { any_of: now }))));
  const flaw = flawOf(context, "checklist");
  return element("div", { class: "field" }, element("span", { class: "field-label" }, "The text should contain"), ...rows, flaw ? element("span", { class: "flaw", role: "alert" }, flaw) : null,
    element("button", { class: "text", type: "button", onclick: () => set([...checks(), { id: freeId("check", checks()), text: "", any_of: "", is_critical: false }]) }, "+ Add a point"));
}

function hintRows(context: Context, task: DraftTask): HTMLElement {
  const set = (hints: readonly DraftHint[]): void => context.set("hints", { hints: [...hints] });
  const hints = (): readonly DraftHint[] => taskNow(context, task)?.hints ?? [];
  const put = (n: number, part: Partial<DraftHint>): void => set(hints().map((one, m) => (m === n ? { ...one, ...part } : one)));
  const rows = task.hints.map((one, n) => element("div", { class: "option-row" },
    bound(element("input", { class: "input", placeholder: "A hint", "aria-label": `Hint ${n + 1}`, value: one.text }), `hint-${n}`, (now) => put(n, { text: now })),
    small("×", "Take this hint away", () => set(hints().filter((_, m) => m !== n))),
    element("span", { class: "row hint" }, "costs", bound(element("input", { class: "input tiny", type: "number", min: 0, max: 100, step: 5, "aria-label": "Cost in percent", value: Math.round(one.cost * 100) }), `cost-${n}`, (now) => put(n, { cost: Number(now) / 100 })), "% of the points")));
  return element("div", { class: "field" }, element("span", { class: "field-label" }, "Hints"), ...rows, element("button", { class: "text", type: "button", onclick: () => set([...hints(), { text: "", cost: 0.25 }]) }, "+ Add a hint"));
}

type Body = (context: Context, task: DraftTask) => HTMLElement[];

const findingsOf = (draft: Draft): readonly (readonly [string, string])[] => [["", "Choose a finding"], ...draft.lesions.filter(({ role }) => role === "finding").map((one) => [one.id, nameOfLesion(one)] as const)];
const aboutFinding: Body = (context, task) => [choice(context, "finding", "Of", task.finding ?? "", findingsOf(context.draft))];

const QUANTITIES = [["diameter_mm", "Largest diameter (mm)"], ["volume_ml", "Volume (ml)"], ["mean_value", "Mean value"]] as const;

const BODIES: Readonly<Record<TaskKind, Body>> = {
  mark: (context, task) => [
    element("p", { class: "hint" }, "Every finding of the case is to be marked, each with how sure."),
    more("When a mark is near enough", false, number(context, "beyond_mm", "From its border", task.beyond_mm, "mm", 1), number(context, "least_mm", "Of a small one: from its middle", task.least_mm, "mm", 1)),
  ],
  choice: (context, task) => [optionRows(context, task, "Answer"), tick(context, "several", "Several can be right", task.several)],
  manage: (context, task) => [optionRows(context, task, "Choice")],
  order: (context, task) => [optionRows(context, task, "Item")],
  text: (context, task) => [checkRows(context, task)],
  measure: (context, task) => [
    ...aboutFinding(context, task),
    choice(context, "quantity", "What", task.quantity, QUANTITIES),
    number(context, "value", "Right value", task.value, "blank: as it was painted", 0.1),
  ],
  segment: (context, task) => [...aboutFinding(context, task), number(context, "within_mm", "A border is right within", task.within_mm, "mm", 0.5)],
  box: aboutFinding,
  classify: (context, task) => [text(context, "scheme", "Scheme", task.scheme, { placeholder: "lung-rads@1.1" }), text(context, "category", "Right category", task.category, { placeholder: "4A" })],
};

function taskForm(context: Context, task: DraftTask): HTMLElement[] {
  const n = context.draft.tasks.findIndex(({ id }) => id === task.id);
  const earlier = context.draft.tasks.slice(0, n).map((one, m) => [one.id, `Question ${m + 1}`] as const);
  return [
    head(`Question ${n + 1}`, small("↑", "Earlier", () => context.actions.move(task.id, -1)), small("↓", "Later", () => context.actions.move(task.id, 1)), small("×", "Delete this question", () => context.actions.remove("task", task.id))),
    choice(context, "kind", "Kind", task.kind, Object.entries(KIND_NAMES)),
    text(context, "prompt", "Question", task.prompt, { rows: 2, placeholder: "What the trainee is asked" }),
    ...BODIES[task.kind](context, task),
    more("Details", false,
      number(context, "points", "Points", task.points, "", 1),
      tick(context, "asks_confidence", "Ask how sure", task.asks_confidence),
      earlier.length > 0 ? choice(context, "after", "Comes", task.after ?? "", [["", "from the beginning"], ...earlier.map(([id, name]) => [id, `after ${name.toLowerCase()}`] as const)]) : null,
      task.after ? choice(context, "went", "If that went", task.went, [["anyhow", "in any way"], ["right", "rightly"], ["wrong", "wrongly"]]) : null,
      hintRows(context, task)),
  ];
}

const WHENS: readonly (readonly [FeedbackWhen, string])[] = [["always", "Always"], ["found", "When a finding was found"], ["missed", "When a finding was missed"], ["right", "When a question went right"], ["wrong", "When a question went wrong"]];

function feedbackForm(context: Context, layer: DraftFeedback): HTMLElement[] {
  const of = layer.when === "found" || layer.when === "missed" ? findingsOf(context.draft) : [["", "Choose a question"] as const, ...context.draft.tasks.map((one, n) => [one.id, `Question ${n + 1}`] as const)];
  return [
    head("Feedback", small("×", "Delete this", () => context.actions.remove("feedback", layer.id))),
    choice(context, "when", "Shown", layer.when, WHENS),
    layer.when === "always" ? element("span") : choice(context, "of", "Which", layer.of ?? "", of),
    text(context, "text", "Words", layer.text, { rows: 4 }),
  ];
}

// --- whichever is selected ----------------------------------------------------------------------

/** What of a draft decides which fields there are; all else is typed into them. */
function shapeOf(state: AuthorState): string {
  const { selected, draft, lesions, scene } = state;
  if (draft === null) return "";
  const flaws = state.showFlaws ? state.flaws : [];
  if (selected.place === "case") return JSON.stringify([selected, draft.references.length, flaws, scene?.id]);
  if (selected.place === "lesion") {
    const lesion = draft.lesions.find(({ id }) => id === selected.id);
    return JSON.stringify([selected, lesion?.role, lesion?.at_mm, lesions.find(({ id }) => id === selected.id), flaws]);
  }
  if (selected.place === "feedback") return JSON.stringify([selected, draft.feedback.find(({ id }) => id === selected.id)?.when, flaws]);
  const task = draft.tasks.find(({ id }) => id === selected.id);
  const parts = [...(task?.options ?? []), ...(task?.checklist ?? [])].map(({ id }) => id);
  return JSON.stringify([selected, task?.kind, task?.several, task?.after, parts, task?.hints.length, draft.tasks.map(({ id }) => id), flaws]);
}

export function createForms(store: AuthorStore, keeper: Keeper, actions: FormActions): HTMLElement {
  const root = element("form", { class: "author-form", "aria-label": "What is selected", onsubmit: (event) => event.preventDefault() });
  let typed: Draft | null = null;
  const set = (what: string, part: object): void => {
    const { selected } = store.get();
    const keys = { lesion: "lesions", task: "tasks", feedback: "feedback" } as const;
    keeper.change(what, root.contains(document.activeElement) && session ? session : crypto.randomUUID(), (draft) => {
      typed = selected.place === "case" ? { ...draft, ...part } : withPart(draft, keys[selected.place], selected.id, part);
      return typed;
    });
  };
  const render = (): void => {
    const state = store.get();
    const { draft, selected } = state;
    if (draft === null) {
      root.replaceChildren();
      return;
    }
    const context: Context = { state, draft, keeper, actions, set, latest: () => store.get().draft ?? draft, place: selected.place, id: selected.place === "case" ? null : selected.id };
    const fields = ((): HTMLElement[] => {
      if (selected.place === "case") return caseForm(context);
      if (selected.place === "lesion") return draft.lesions.filter(({ id }) => id === selected.id).flatMap((one) => lesionForm(context, one));
      if (selected.place === "task") return draft.tasks.filter(({ id }) => id === selected.id).flatMap((one) => taskForm(context, one));
      return draft.feedback.filter(({ id }) => id === selected.id).flatMap((one) => feedbackForm(context, one));
    })();
    const focused = document.activeElement instanceof HTMLElement && root.contains(document.activeElement) ? document.activeElement.getAttribute("name") : null;
    const open = [...root.querySelectorAll("details")].map((one) => one.open);
    root.replaceChildren(...fields);
    if (focused) root.querySelector<HTMLElement>(`[name="${focused}"]`)?.focus();
    root.querySelectorAll("details").forEach((one, n) => (one.open ||= open[n] ?? false));
  };
  let previous = "";
  store.watch((s) => s, (state) => {
    const shape = shapeOf(state);
    if (shape === previous && (state.draft === typed || root.contains(document.activeElement))) return;
    if (shape === previous && state.draft === rendered) return;
    previous = shape;
    rendered = state.draft;
    render();
  });
  return root;
}

let rendered: Draft | null = null;

// The authoring page: opens a study as a draft, and puts slices, outline, form and keeper together.

import * as api from "./author/api";
import { createForms } from "./author/forms";
import { Keeper } from "./author/keeper";
import { createOutline } from "./author/outline";
import { createPreview } from "./author/preview";
import { Slices } from "./author/slices";
import { createStart } from "./author/start";
import { INITIAL, newFeedback, newLesion, newTask, receiveNow, withoutPart, withPart, type AuthorTool, type Selected } from "./author/state";
import { AUTHOR_TOOLS } from "./author/tools";
import type { Vec3 } from "./model/affine";
import { failureOf } from "./model/dropped";
import { volumeOf } from "./model/scene";
import { createStore } from "./model/store";
import { applyPreset, BRUSH_MM, resizeBrush, setBrush } from "./model/view";
import { acceptDrops, createPickers, type Picked } from "./page/drop";
import { element, setText } from "./page/element";
import { icon } from "./page/icon";
import { recall } from "./page/memory";
import { comeIn } from "./page/come_in";
import { library, Refused, Unreachable } from "./wire/api";
import type { FlawTold, TaskKind } from "./wire/author_messages";
import { uploadStudy } from "./wire/upload";

declare global {
  interface Window {
    author?: { store: typeof store; slices: Slices; keeper: Keeper };
  }
}

const store = createStore(INITIAL);
const keeper = new Keeper(store);
/** While images are made, it is asked so often how far they are. */
const LOOK_EVERY_MS = 300;
const FLAWS_AFTER_MS = 200;

document.documentElement.dataset["theme"] = recall("theme", "dark");

function fail(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  store.update((s) => ({ ...s, failure: error instanceof Refused ? error.failure : failureOf("Something went wrong in this page.", "Reload it: what was saved is kept.") }));
}

// --- drafts ---------------------------------------------------------------------------------------

async function start(): Promise<void> {
  const [drafts, found] = await Promise.all([api.drafts(), library()]);
  store.update((s) => ({ ...s, drafts, library: found }));
}

function show(id: string | null): void {
  const address = new URL(location.href);
  if (id === null) address.searchParams.delete("draft");
  else address.searchParams.set("draft", id);
  history.pushState(null, "", address);
}

async function open(id: string): Promise<void> {
  let now = await api.draftNow(id);
  store.update((s) => receiveNow({ ...INITIAL, drafts: s.drafts, library: s.library }, now));
  while (now.opening.state === "opening") {
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_EVERY_MS));
    if (store.get().id !== id) return;
    now = await api.draftNow(id);
    const { opening, scene } = now;
    store.update((s) => ({ ...s, opening, scene: scene ?? s.scene }));
  }
  store.update((s) => ({ ...s, revision: now.saved.revision, opening: now.opening, scene: now.scene ?? s.scene, lesions: now.saved.lesions, undo: now.saved.undo, redo: now.saved.redo }));
  if (now.saved.box) slices.setBox(now.saved.box);
  keeper.bringBack();
  lookForFlaws();
  if (now.versions.length > 0) api.statistics(id).then((statistics) => store.update((s) => ({ ...s, statistics })), () => undefined);
}

async function create(study: string, series: string): Promise<void> {
  const now = await api.newDraft({ study, series, phase: 0 });
  show(now.saved.id);
  await open(now.saved.id);
}

function sendFiles(files: readonly Picked[]): void {
  if (files.length === 0 || store.get().id !== null) return;
  store.update((s) => ({ ...s, uploading: 0 }));
  uploadStudy(files.map(({ file }) => file), (now) => store.update((s) => ({ ...s, uploading: now.sentBytes / Math.max(1, now.totalBytes) })), new AbortController().signal)
    .then(() => start()).catch(fail).finally(() => store.update((s) => ({ ...s, uploading: null })));
}

let flawTimer = 0;
function lookForFlaws(): void {
  window.clearTimeout(flawTimer);
  flawTimer = window.setTimeout(() => {
    const { id, opening } = store.get();
    if (id === null || opening.state !== "ready") return;
    api.flaws(id).then((flaws) => store.update((s) => (JSON.stringify(s.flaws) === JSON.stringify(flaws) ? s : { ...s, flaws })), () => undefined);
  }, FLAWS_AFTER_MS);
}
keeper.onSaved = lookForFlaws;

// --- what a person does ---------------------------------------------------------------------------

const select = (selected: Selected): void => store.update((s) => ({ ...s, selected }));
const setAuthorTool = (tool: AuthorTool): void => store.update((s) => ({ ...s, tool: s.tool === tool && tool !== "navigate" ? "navigate" : tool }));

function addLesion(): string | null {
  const { draft } = store.get();
  if (draft === null) return null;
  const lesion = newLesion(draft);
  keeper.change("new lesion", crypto.randomUUID(), (now) => ({ ...now, lesions: [...now.lesions, lesion] }));
  keeper.send();
  select({ place: "lesion", id: lesion.id });
  return lesion.id;
}

/** The lesion that is selected; a new one where none is. */
function lesionInHand(): string | null {
  const { selected, draft } = store.get();
  if (selected.place === "lesion" && draft?.lesions.some(({ id }) => id === selected.id)) return selected.id;
  return store.get().tool === "eraser" ? null : addLesion();
}

function addTask(kind: TaskKind): void {
  const { draft } = store.get();
  if (draft === null) return;
  const task = newTask(draft, kind);
  keeper.change("new question", crypto.randomUUID(), (now) => ({ ...now, tasks: [...now.tasks, task] }));
  select({ place: "task", id: task.id });
  document.querySelector<HTMLElement>(".author-form [name=prompt]")?.focus();
}

function addFeedback(): void {
  const { draft } = store.get();
  if (draft === null) return;
  const layer = newFeedback(draft);
  keeper.change("new feedback", crypto.randomUUID(), (now) => ({ ...now, feedback: [...now.feedback, layer] }));
  select({ place: "feedback", id: layer.id });
}

function goTo(id: string): void {
  const { draft, lesions } = store.get();
  const at = lesions.find((one) => one.id === id)?.middle_mm ?? draft?.lesions.find((one) => one.id === id)?.at_mm;
  if (at) slices.goTo(at);
}

function follow(flaw: FlawTold): void {
  const selected: Selected = flaw.place === "case" || flaw.place === "reference" || flaw.id === null ? { place: "case" } : { place: flaw.place, id: flaw.id };
  store.update((s) => ({ ...s, selected, showFlaws: true }));
  if (selected.place === "lesion") goTo(selected.id);
  document.querySelector<HTMLElement>(`.author-form [name=${flaw.field === "options" ? '"right"' : flaw.field}]`)?.focus();
}

const slices: Slices = new Slices(store, {
  lesion: lesionInHand,
  paint: (ask) => keeper.paint(ask),
  point: (at_mm: Vec3) => {
    const id = lesionInHand();
    if (id !== null) keeper.change("point", crypto.randomUUID(), (draft) => withPart(draft, "lesions", id, { at_mm: [...at_mm] }));
  },
});
keeper.onBox = (box) => slices.setBox(box);

async function tryIt(): Promise<void> {
  const { id } = store.get();
  if (id === null) return;
  const tab = window.open("about:blank", "_blank"); // while the click is still the reason: later it would be stopped
  try {
    await keeper.settled();
    if (!(await isWhole(id))) {
      tab?.close();
      return;
    }
    const made = await api.trial(id);
    if (tab) tab.location.href = new URL(`/read?case=${encodeURIComponent(made.case)}`, location.href).href;
  } catch (error) {
    tab?.close();
    throw error;
  }
}

async function publish(): Promise<void> {
  await keeper.settled();
  const { id } = store.get();
  if (id === null || !(await isWhole(id))) return;
  const published = await api.publish(id);
  const now = await api.draftNow(id);
  store.update((s) => ({ ...receiveNow(s, now), published }));
}

/** Whether nothing is missing; goes to the first thing that is. */
async function isWhole(id: string): Promise<boolean> {
  const flaws = await api.flaws(id);
  store.update((s) => ({ ...s, flaws, showFlaws: flaws.length > 0 }));
  if (flaws[0] !== undefined) follow(flaws[0]);
  return flaws.length === 0;
}

// --- the page -------------------------------------------------------------------------------------

const button = (name: string, label: string, act: () => void, kind = "button"): HTMLButtonElement => element("button", { class: kind, type: "button", title: label, onclick: act }, name);

function createBar(): HTMLElement {
  const title = element("span", { class: "title" });
  const saving = element("span", { class: "saving", role: "status" });
  const undo = element("button", { class: "tool", type: "button", onclick: () => keeper.undo() }, icon("undo"));
  const redo = element("button", { class: "tool", type: "button", onclick: () => keeper.redo() }, icon("redo"));
  const home = element("button", { class: "word", type: "button", title: "All drafts", onclick: () => void leave() }, "Sightline");
  const during = element("div", { class: "row" }, saving, undo, redo, button("Try it", "Read it as a trainee, in a new tab", () => void tryIt().catch(fail)), button("Publish", "Publish this version", () => void publish().catch(fail), "button primary"));
  store.watch((s) => s, (s) => {
    during.hidden = s.id === null;
    setText(title, s.id === null ? "Authoring" : s.study);
    saving.dataset["state"] = s.saving;
    const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(s.saved_s * 1000);
    setText(saving, s.saving === "saved" ? `Saved ${time}` : s.saving === "saving" ? "Saving…" : "Not connected: kept here until the server answers");
    for (const [node, what, name, key] of [[undo, s.undo, "Undo", "Ctrl+Z"], [redo, s.redo, "Redo", "Ctrl+Shift+Z"]] as const) {
      node.disabled = what === null;
      node.title = what === null ? `Nothing to ${name.toLowerCase()}` : `${name}: ${what} (${key})`;
      node.setAttribute("aria-label", node.title);
    }
  });
  return element("header", { class: "bar" }, home, title, during);
}

async function leave(): Promise<void> {
  await keeper.settled();
  show(null);
  store.update((s) => ({ ...INITIAL, drafts: s.drafts, library: s.library }));
  await start();
}

function createTools(): HTMLElement {
  const tools = Object.entries(AUTHOR_TOOLS).map(([name, tool]) => {
    const node = element("button", { class: "tool", type: "button", title: `${tool.help} (${tool.key.toUpperCase()})`, onclick: () => setAuthorTool(name as AuthorTool) }, icon(tool.icon), element("span", {}, tool.name));
    store.watch((s) => s.tool, (now) => node.setAttribute("aria-pressed", String(now === name)));
    return node;
  });
  const size = element("input", { type: "range", min: BRUSH_MM.least, max: BRUSH_MM.most, step: 1, "aria-label": "Size of the brush", oninput: () => slices.view.update((s) => setBrush(s, Number(size.value))) });
  const shown = element("span", { class: "figure hint" });
  slices.view.watch((s) => s.view.radius_mm, (mm) => {
    size.value = String(mm);
    size.style.setProperty("--part", `${((mm - BRUSH_MM.least) / (BRUSH_MM.most - BRUSH_MM.least)) * 100}%`);
    setText(shown, `${Math.round(2 * mm)} mm`);
  });
  const toggle = (label: string, title: string, key: "flat" | "keepLike"): HTMLElement => {
    const node = element("input", { type: "checkbox", onchange: () => store.update((s) => ({ ...s, [key]: node.checked })) });
    store.watch((s) => s[key], (on) => (node.checked = on));
    return element("label", { class: "tick", title }, node, element("span", {}, label));
  };
  const keep = toggle("Only alike", "Paint only what is as bright as where the stroke began", "keepLike");
  const brush = element("div", { class: "row brush-row" }, size, shown, toggle("This slice", "Paint this slice alone, not a ball", "flat"), keep);
  store.watch((s) => s.tool, (tool) => {
    brush.hidden = tool !== "brush" && tool !== "eraser";
    keep.hidden = tool !== "brush";
  });
  const presets = element("select", { "aria-label": "Window", onchange: () => slices.view.update((s) => applyPreset(s, presets.value)) });
  store.watch((s) => s.scene, (scene) => presets.replaceChildren(...(volumeOf(scene)?.presets ?? []).map(({ name }) => element("option", { value: name }, name))));
  const help = element("span", { class: "hint tool-help", role: "status" });
  store.watch((s) => s.tool, (tool) => setText(help, AUTHOR_TOOLS[tool].help));
  return element("div", { class: "author-tools", role: "toolbar", "aria-label": "Tools" }, ...tools, brush, help, element("span", { class: "spacer" }), presets);
}

function createNoticeOver(): HTMLElement {
  const root = element("div", { class: "notice author-notice", role: "status" });
  store.watch((s) => s.opening, (opening) => {
    root.hidden = opening.state === "ready" || store.get().id === null;
    if (opening.state === "opening") root.replaceChildren(element("div", { class: "card" }, element("h2", {}, "Opening the study"), element("p", {}, `${opening.stage || "waiting"} — you can write already.`), element("progress", { max: 1, value: opening.fraction })));
    if (opening.state === "failed") {
      const again = button("Try again", "Make the images again", () => {
        const { id } = store.get();
        if (id !== null) void api.reopen(id).then(() => open(id)).catch(fail);
      }, "button primary");
      root.replaceChildren(element("div", { class: "card failed" }, element("h2", {}, opening.failure?.summary ?? "The images could not be made."), element("p", {}, opening.failure?.remedy ?? ""), element("div", { class: "row" }, again)));
    }
  });
  store.watch((s) => s.id, (id) => (root.hidden ||= id === null));
  return root;
}

function createToast(): HTMLElement {
  const root = element("div", { class: "toast", role: "alert", hidden: true });
  const put = (title: string, words: string, ...tools: HTMLElement[]): void => {
    root.hidden = false;
    root.replaceChildren(element("div", {}, element("strong", {}, title), element("p", {}, words)), ...tools, element("button", { class: "quiet", type: "button", "aria-label": "Put away", onclick: () => (root.hidden = true) }, "×"));
  };
  store.watch((s) => s.failure, (failure) => {
    if (failure) put(failure.summary, failure.remedy ?? "");
  });
  store.watch((s) => s.published, (published) => {
    root.dataset["good"] = String(published !== null);
    if (published === null) root.hidden = true;
    else put(`Version ${published.version} is published`, `Trainees can be given “${published.case}” from now on. Changes from here make the next version.`, element("a", { class: "button", href: `/read?case=${encodeURIComponent(published.case)}`, target: "_blank" }, "Read it"));
  });
  return root;
}

function wireKeys(): void {
  window.addEventListener("keydown", (event) => {
    const target = event.target instanceof HTMLElement ? event.target : null;
    const isTyping = target?.matches("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select") ?? false;
    if (store.get().id === null || isTyping) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) keeper.redo();
      else keeper.undo();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tool = Object.entries(AUTHOR_TOOLS).find(([, one]) => one.key === key)?.[0] as AuthorTool | undefined;
    if (tool) setAuthorTool(tool);
    else if (key === "l") addLesion();
    else if (key === "[" || key === "]") {
      const step = key === "]" ? 1 : -1;
      if (!slices.regrow(step)) slices.view.update((s) => resizeBrush(s, step));
    } else if (key === "escape" || key === "enter") slices.endGrowing();
  });
}

const pickers = createPickers(sendFiles);
const startPage = createStart(store, {
  open: (id) => {
    show(id);
    void open(id).catch(fail);
  },
  create: (study, series) => void create(study, series).catch(fail),
  remove: (id) => {
    if (window.confirm("Delete this draft? What was published stays.")) void api.deleteDraft(id).then(start).catch(fail);
  },
  choose: (folder) => pickers.open(folder),
});
const forms = createForms(store, keeper, {
  remove: (place, id) => {
    keeper.change(`delete ${place}`, crypto.randomUUID(), (draft) => withoutPart(draft, place, id));
    keeper.send();
    select({ place: "case" });
  },
  move: (id, by) => keeper.change("order", crypto.randomUUID(), (draft) => {
    const from = draft.tasks.findIndex((one) => one.id === id);
    const to = from + by;
    if (to < 0 || to >= draft.tasks.length) return draft;
    return { ...draft, tasks: draft.tasks.toSpliced(from, 1).toSpliced(to, 0, draft.tasks[from]!) };
  }),
  goTo,
  fill: (id) => keeper.paint({ lesion: id, tool: "fill", movement: crypto.randomUUID(), points_mm: [], radius_mm: 5, notches: 0, plane: null, keep_like: false }),
});
const middle = element("main", { class: "author-middle" }, createTools(), slices.element, createNoticeOver());
const desk = element("div", { class: "author-desk" }, createOutline(store, { select, addLesion, addTask, addFeedback, follow }), middle, element("aside", { class: "author-right", "aria-label": "What is selected" }, forms, createPreview(store)));
store.watch((s) => s.id, (id) => {
  desk.hidden = id === null;
  startPage.hidden = id !== null;
});
document.getElementById("app")!.append(element("div", { class: "frame" }, createBar(), startPage, desk), createToast(), element("div", { hidden: true }, ...pickers.elements));
acceptDrops(sendFiles);
wireKeys();
window.addEventListener("popstate", () => location.reload());

async function begin(): Promise<void> {
  for (;;) {
    try {
      await comeIn();
      const id = new URLSearchParams(location.search).get("draft");
      if (id !== null) await open(id);
      else await start();
      return;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      fail(error);
      await new Promise((resolve) => window.setTimeout(resolve, 1000));
    }
  }
}

window.author = { store, slices, keeper };
void begin().catch((error: unknown) => {
  fail(error);
  if (error instanceof Refused) {
    show(null);
    void start().catch(fail);
  }
});

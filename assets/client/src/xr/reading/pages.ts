// What stands on the panel in the headset: the question and its answer, the tools, what was there. Millimetres, pure.

import type { Control, PanelSize, Rect } from "../panel";
import { CAP_MM } from "../panel";
import { layoutsOf, LAYOUTS } from "../../model/reading/hanging";
import { isAllCommitted, nodeOf, taskOf, volumeOfTask, type Desk, type Tool } from "../../model/reading/state";
import { answerWords, clock, commitWords, markWords, missWords, percent, SCALES, signed, sureness } from "../../model/reading/words";
import { workOf, type TaskWork } from "../../model/reading/work";
import type { ReadingDesk } from "../../reading/desk";
import type { FieldView, OptionView, TaskView, Told } from "../../wire/training_messages";

export const PANEL_SIZE: PanelSize = { width_mm: 392, height_mm: 268 };
const EDGE = 10;
const GAP = 5;
const ROW = 25;
const LINE = 14;
const WIDTH = PANEL_SIZE.width_mm - 2 * EDGE;
/** Options that fit beside the rest. */
const FIT = 6;

export type PanelPage = "task" | "tools";

/** What the panel itself remembers. */
export interface PanelMemory {
  readonly page: PanelPage;
  /** Which of more than fit, which field of a report, which page of the feedback. */
  readonly first: number;
  readonly field: number;
  readonly told: number;
}

export interface PanelDo {
  readonly desk: ReadingDesk;
  remember(part: Partial<PanelMemory>): void;
  showMe(id: string): void;
  bringHere(): void;
  leave(): void;
  read_s(): number;
}

const rect = (x: number, y: number, w: number, h = ROW): Rect => ({ x_mm: x, y_mm: y, w_mm: w, h_mm: h });

function caption(id: string, text: string, y: number, size: "body" | "label" = "body", align: "left" | "center" | "right" = "left", x = EDGE, w = WIDTH): Control {
  return { kind: "caption", id, text, rect: rect(x, y, w, LINE), size, align };
}

function press(id: string, text: string, where: Rect, act: () => void, more: { readonly on?: boolean; readonly disabled?: boolean; readonly icon?: "previous" | "next" | "close" | "tick"; readonly size?: "body" | "label" } = {}): Control {
  return { kind: "press", id, text, rect: where, size: more.size ?? "body", on: more.on ?? false, ...(more.disabled === undefined ? {} : { disabled: more.disabled }), ...(more.icon === undefined ? {} : { icon: more.icon }), press: act };
}

/** Words in lines that fit: what a letter takes is estimated on the wide side, and the panel fits the rest. */
export function wrap(text: string, width_mm: number, cap_mm: number = CAP_MM.body): string[] {
  const letters = Math.floor(width_mm / (0.86 * cap_mm));
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > letters) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

/** Lines of text from `y` on; no more than `most`. Returns where they end. */
function paragraph(id: string, text: string, y: number, most: number, size: "body" | "label" = "body"): { readonly controls: Control[]; readonly end: number } {
  const lines = wrap(text, WIDTH, CAP_MM[size]);
  const shown = lines.length > most ? [...lines.slice(0, most - 1), `${lines[most - 1]!} …`] : lines;
  return { controls: shown.map((line, index) => caption(`${id}-${index}`, line, y + index * (LINE - 1), size)), end: y + shown.length * (LINE - 1) + GAP };
}

export function readingControls(state: Desk, memory: PanelMemory, act: PanelDo): Control[] {
  if (state.trouble !== null) return simple("That did not work", state.trouble.words, "again", "Try again", () => act.desk.retry(), act);
  if (state.phase === "feedback" && state.told !== null) return memory.page === "tools" ? tools(state, act) : feedback(state.told, state, memory, act);
  if (state.phase === "lobby" || state.phase === "progress") return simple(state.learner ? `Welcome, ${state.learner.name}` : "Reading room", "Read the slices, mark what is there, say how sure you are.", "begin", "Begin", () => void act.desk.next(), act);
  if (state.phase === "opening" || state.cuts.length === 0) return [caption("wait", state.work.isRevealed ? "Comparing with what was there …" : "The case is on its way …", 110, "body", "center"), ...bottom(memory, act)];
  if (state.work.isPaused) return simple("A break", "The clock stands. Look far away; what you did is kept.", "resume", "Read on", () => act.desk.resume(), act);
  if (state.offersBreak) return simple("You have read for 25 minutes", "Eyes miss more when they are tired.", "pause", "Take a break", () => act.desk.pause(), act, ["later", "In 5 minutes", () => act.desk.putOffBreak()]);
  return memory.page === "tools" ? tools(state, act) : tasks(state, memory, act);
}

function simple(title: string, words: string, id: string, button: string, doIt: () => void, act: PanelDo, other?: readonly [string, string, () => void]): Control[] {
  const text = paragraph("words", words, 70, 3);
  const buttons = other ? [press(id, button, rect(EDGE, 150, WIDTH / 2 - GAP), doIt), press(other[0], other[1], rect(EDGE + WIDTH / 2, 150, WIDTH / 2), other[2])] : [press(id, button, rect(EDGE + 80, 150, WIDTH - 160, 30), doIt, { on: true })];
  return [caption("title", title, 34, "body", "center"), ...text.controls, ...buttons, press("leave", "Leave", rect(PANEL_SIZE.width_mm - EDGE - 70, PANEL_SIZE.height_mm - EDGE - ROW, 70), () => act.leave(), { size: "label" })];
}

/** The row that is always there. */
function bottom(memory: PanelMemory, act: PanelDo): Control[] {
  const y = PANEL_SIZE.height_mm - EDGE - ROW;
  const other = memory.page === "tools" ? "task" : "tools";
  return [
    press("page", other === "tools" ? "Tools" : "Back", rect(EDGE, y, 76), () => act.remember({ page: other }), { size: "label" }),
    press("here", "Bring here", rect(EDGE + 81, y, 100), () => act.bringHere(), { size: "label" }),
    caption("clock", clock(act.read_s()), y + 6, "label", "right", EDGE + 186, 92),
    press("leave", "Leave", rect(PANEL_SIZE.width_mm - EDGE - 76, y, 76), () => act.leave(), { size: "label" }),
  ];
}

// --- the question --------------------------------------------------------------------------------

function tasks(state: Desk, memory: PanelMemory, act: PanelDo): Control[] {
  const task = taskOf(state);
  if (isAllCommitted(state)) {
    const waits = state.link !== "kept";
    return [caption("all", "All is answered.", 60, "body", "center"), press("reveal", "See what was there", rect(EDGE + 60, 110, WIDTH - 120, 32), () => void act.desk.reveal(), { on: true, disabled: waits }), ...bottom(memory, act)];
  }
  if (task === null) return bottom(memory, act);
  const all = state.reading?.case.tasks ?? [];
  const work = workOf(state.work, task.id);
  const head = paragraph("prompt", task.prompt, 8, 3);
  const count = caption("step", `Question ${all.indexOf(task) + 1} of ${all.length}`, PANEL_SIZE.height_mm - EDGE - 2 * ROW - GAP - LINE - 2, "label");
  const answer = work.isCommitted ? [caption("over", "Committed", head.end + 20)] : answerControls(task, work, state, memory, act, head.end);
  return [...head.controls, ...answer, count, ...commitRow(task, work, state, act), ...bottom(memory, act)];
}

function commitRow(task: TaskView, work: TaskWork, state: Desk, act: PanelDo): Control[] {
  const y = PANEL_SIZE.height_mm - EDGE - 2 * ROW - GAP;
  if (work.isCommitted) return [];
  const words = answerWords(task, work.given, nodeOf(state, volumeOfTask(state, task) ?? ""));
  const cost = task.hints[work.hints];
  const commit = press("commit", commitWords(task, work.marks.length, words), rect(EDGE, y, WIDTH - 135), () => act.desk.commit(), { on: true });
  return cost === undefined ? [commit] : [commit, press("hint", `Hint: ${percent(cost)}`, rect(EDGE + WIDTH - 130, y, 130), () => act.desk.hint(), { size: "label" })];
}

function slider(id: string, value: number, y: number, slide: (value: number) => void, words: string): Control {
  return { kind: "slider", id, text: words, rect: rect(EDGE, y, WIDTH, 28), value, slide };
}

function answerControls(task: TaskView, work: TaskWork, state: Desk, memory: PanelMemory, act: PanelDo, y: number): Control[] {
  const { desk } = act;
  const told = (state.reading?.hints ?? []).filter((hint) => hint.task === task.id).at(-1);
  const hint = told ? paragraph("hint-text", told.text, y, 2, "label") : { controls: [], end: y };
  const sure = task.kind !== "mark" && task.asks_confidence && work.given ? [slider("sure", work.given.confidence ?? 0.5, PANEL_SIZE.height_mm - EDGE - 2 * ROW - GAP - LINE - 34, (value) => desk.setConfidence(hundredth(value)), `How sure: ${sureness(work.given.confidence ?? 0.5)}`)] : [];
  return [...hint.controls, ...fields(task, work, state, memory, act, hint.end), ...sure];
}

const hundredth = (value: number): number => Math.round(100 * value) / 100;

/** Two columns of options; more than fit are turned over. */
function optionRows(list: readonly OptionView[], chosen: readonly string[], y: number, memory: PanelMemory, act: PanelDo, choose: (id: string) => void): Control[] {
  const shown = list.slice(memory.first, memory.first + FIT);
  const width = (WIDTH - GAP) / 2;
  const rows = shown.map(({ id, text }, index) => press(`option-${id}`, text, rect(EDGE + (index % 2) * (width + GAP), y + Math.floor(index / 2) * (ROW + GAP), width), () => choose(id), { on: chosen.includes(id) }));
  if (list.length <= FIT) return rows;
  const next = memory.first + FIT >= list.length ? 0 : memory.first + FIT;
  return [...rows, press("more", "More", rect(PANEL_SIZE.width_mm - EDGE - 80, y + 3 * (ROW + GAP), 80), () => act.remember({ first: next }), { size: "label" })];
}

function fields(task: TaskView, work: TaskWork, state: Desk, memory: PanelMemory, act: PanelDo, y: number): Control[] {
  const { desk } = act;
  const answer = work.given?.answer;
  switch (task.kind) {
    case "mark":
      return marks(work, state, y, desk);
    case "choice":
    case "manage":
    case "guide": {
      const chosen = answer?.kind === "choice" ? answer.chosen : answer?.kind === "manage" ? [answer.chosen] : answer?.kind === "guide" && answer.nearest !== null ? [answer.nearest] : [];
      if (task.kind === "guide" && task.path.length === 0) return [caption("how", "Press the entry, then the target.", y, "label"), caption("so-far", answerWords(task, work.given, null) ?? "", y + LINE)];
      return optionRows(task.options, chosen, y, memory, act, (id) => {
        if (task.kind === "manage") desk.answer({ kind: "manage", chosen: id });
        else if (task.kind === "guide") desk.answer({ kind: "guide", path: [], nearest: id });
        else desk.answer({ kind: "choice", chosen: task.several ? toggled(chosen, id) : [id] });
      });
    }
    case "classify": {
      const now = answer?.kind === "classify" ? answer : null;
      const pages = [...task.fields.filter(({ options }) => options.length > 0), null];
      const field = pages[Math.min(memory.field, pages.length - 1)] ?? null;
      const pager = pages.length > 1 ? turn(field === null ? "Category" : field.prompt, memory.field, pages.length, y, act) : [];
      const from = y + (pages.length > 1 ? ROW + GAP : 0);
      const features = { ...heldFeatures(task.id), ...now?.features };
      if (field === null) return [...pager, ...optionRows(task.options, now ? [now.category] : [], from, memory, act, (id) => desk.answer({ kind: "classify", category: id, features }))];
      return [...pager, ...optionRows(field.options, [String(features[field.id] ?? "")], from, memory, act, (id) => {
        holdFeature(task.id, field.id, id);
        if (now) desk.answer({ ...now, features: { ...features, [field.id]: id } });
        act.remember({ field: memory.field });
      })];
    }
    case "report": {
      const now = answer?.kind === "report" ? answer.fields : {};
      const field: FieldView | undefined = task.fields[Math.min(memory.field, task.fields.length - 1)];
      if (!field) return [];
      return [...turn(field.prompt, memory.field, task.fields.length, y, act), ...optionRows(field.options, [now[field.id] ?? ""], y + ROW + GAP, memory, act, (id) => desk.answer({ kind: "report", fields: { ...now, [field.id]: id } }))];
    }
    case "order": {
      const items = answer?.kind === "order" ? answer.items : task.options.map(({ id }) => id);
      const row = (id: string, index: number): Control[] => [
        caption(`item-${id}`, `${index + 1}  ${task.options.find((option) => option.id === id)?.text ?? id}`, y + 6 + index * (ROW + 2), "body", "left", EDGE, WIDTH - 45),
        press(`up-${id}`, "Up", rect(PANEL_SIZE.width_mm - EDGE - 40, y + index * (ROW + 2), 40), () => desk.answer({ kind: "order", items: raised(items, index) }), { disabled: index === 0, size: "label" }),
      ];
      return items.slice(0, 5).flatMap(row);
    }
    case "measure":
    case "segment":
    case "box": {
      const how = { measure: task.quantity === "mean_value" ? "Drag a circle on the slice, from its middle." : "Drag the ruler on the slice.", segment: "Hold the trigger and paint on the slices.", box: "Drag a box in one plane, then in a second." }[task.kind];
      return [caption("how", how, y, "label"), caption("so-far", answerWords(task, work.given, nodeOf(state, volumeOfTask(state, task) ?? "")) ?? "", y + LINE + 4)];
    }
    case "text":
      return [...paragraph("how", "Words are typed on the flat page: leave the headset for this one, the reading goes on there.", y, 3).controls];
  }
}

const features = new Map<string, Record<string, string>>();
const heldFeatures = (task: string): Record<string, string> => features.get(task) ?? {};
const holdFeature = (task: string, field: string, value: string): void => void features.set(task, { ...heldFeatures(task), [field]: value });

const toggled = (chosen: readonly string[], id: string): string[] => (chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);

function raised(items: readonly string[], index: number): string[] {
  const next = [...items];
  next.splice(index - 1, 0, ...next.splice(index, 1));
  return next;
}

function turn(title: string, index: number, count: number, y: number, act: PanelDo): Control[] {
  return [
    press("field-previous", "", rect(EDGE, y, ROW), () => act.remember({ field: (index + count - 1) % count, first: 0 }), { icon: "previous" }),
    caption("field", `${title} (${Math.min(index, count - 1) + 1}/${count})`, y + 6, "label", "center", EDGE + ROW, WIDTH - 2 * ROW),
    press("field-next", "", rect(PANEL_SIZE.width_mm - EDGE - ROW, y, ROW), () => act.remember({ field: (index + 1) % count, first: 0 }), { icon: "next" }),
  ];
}

/** The chosen mark and its confidence; others by their numbers. */
function marks(work: TaskWork, state: Desk, y: number, desk: ReadingDesk): Control[] {
  if (work.marks.length === 0) return paragraph("how", "Point at the slice and press the trigger where you see something. Nothing there? Commit without a mark.", y, 3, "label").controls;
  const chosen = work.marks.find(({ id }) => id === state.mark) ?? work.marks.at(-1)!;
  const volume = taskOf(state) && volumeOfTask(state, taskOf(state)!);
  const numbers = work.marks.slice(-8).map((mark, index) => press(`mark-${mark.id}`, String(work.marks.indexOf(mark) + 1), rect(EDGE + index * (ROW + GAP + 2), y, ROW + 2), () => {
    desk.set({ mark: mark.id });
    if (volume) desk.goTo(volume, mark.at_mm);
  }, { on: mark.id === chosen.id }));
  return [...numbers, press("unmark", "Take away", rect(PANEL_SIZE.width_mm - EDGE - 100, y, 100), () => desk.unmark(chosen.id), { size: "label" }),
    slider("confidence", chosen.confidence, y + ROW + 2 * GAP, (value) => desk.setMark(chosen.id, { confidence: hundredth(value) }), `Mark ${work.marks.indexOf(chosen) + 1}: ${sureness(chosen.confidence)}, ${percent(chosen.confidence)}`)];
}

// --- tools -----------------------------------------------------------------------------------------

const TOOL_NAMES: readonly (readonly [Tool, string])[] = [["point", "Point"], ["window", "Window"], ["pan", "Move"], ["measure", "Measure"], ["tilt", "Tilt"]];

function tools(state: Desk, act: PanelDo): Control[] {
  const { desk } = act;
  const pane = state.active;
  const cut = state.cuts[pane];
  const fifth = (WIDTH - 4 * GAP) / 5;
  const task = taskOf(state);
  const own: readonly (readonly [Tool, string])[] = task?.kind === "mark" && state.told === null ? [["mark", "Mark"]] : task?.kind === "segment" ? [["brush", "Paint"], ["eraser", "Erase"]] : task?.kind === "box" ? [["box", "Box"]] : [];
  const row = (list: readonly Control[]): Control[] => [...list];
  const at = (index: number, y: number): Rect => rect(EDGE + index * (fifth + GAP), y, fifth);
  const toolRow = [...own, ...TOOL_NAMES].slice(0, 5).map(([tool, name], index) => press(`tool-${tool}`, name, at(index, EDGE), () => desk.setTool(tool), { on: state.tool === tool, size: "label" }));
  const windows = desk.presets(pane).slice(0, 5).map(({ name, low, high }, index) => press(`window-${name}`, name, at(index, EDGE + 46), () => desk.setWindow(pane, { name, low, high }), { on: cut?.window.preset === name, size: "label" }));
  const slabs = [0, 5, 10, 20, 40].map((mm, index) => press(`slab-${mm}`, mm === 0 ? "1 slice" : `${mm} mm`, at(index, EDGE + 92), () => desk.setSlab(pane, mm), { on: cut?.slab_mm === mm, size: "label" }));
  const layouts = state.reading ? layoutsOf(state.reading.case).map((layout, index) => press(`layout-${layout}`, LAYOUTS[layout], rect(EDGE + index * ((WIDTH + GAP) / 4), EDGE + 138, (WIDTH + GAP) / 4 - GAP), () => desk.setLayout(layout), { on: state.layout === layout, size: "label" })) : [];
  const planes = (["axial", "coronal", "sagittal"] as const).map((plane, index) => press(`plane-${plane}`, plane, at(index, EDGE + 184), () => desk.setPlane(pane, plane), { on: cut?.plane === plane, size: "label" }));
  const more = [
    press("solid", "3-D", at(3, EDGE + 184), () => desk.set({ is3d: !state.is3d }), { on: state.is3d, size: "label" }),
    press("hand", state.hand === "right" ? "Right hand" : "Left hand", at(4, EDGE + 184), () => desk.setHand(state.hand === "right" ? "left" : "right"), { size: "label" }),
  ];
  const names = [["windows", "Window", 38], ["slabs", "Brightest of", 84], ["layouts", "Panes", 130]] as const;
  return row([...toolRow, ...names.map(([id, text, y]) => caption(id, text, EDGE + y - 9, "label")), ...windows, ...slabs, ...layouts, ...planes, ...more, ...bottom({ page: "tools", first: 0, field: 0, told: 0 }, act)]);
}

// --- what was there ---------------------------------------------------------------------------------

interface ToldPage {
  readonly title: string;
  readonly aside: string;
  readonly words: string;
  readonly shows: string | null;
}

/** The feedback, a page for each thing told: outcome, findings, other marks, answers, ability, next step. */
export function toldPages(told: Told): ToldPage[] {
  const sought = told.findings.filter(({ became }) => became !== "not asked");
  const found = sought.filter(({ became }) => became === "found").length;
  const outcome: ToldPage = { title: sought.length === 0 ? "Nothing was there" : `${found} of ${sought.length} found`, aside: told.synthetic ? "simulated" : "", words: told.says ?? "", shows: null };
  const findings = told.findings.map((finding): ToldPage => ({ title: finding.name, aside: finding.became, words: [finding.why, missWords(finding)].filter(Boolean).join(" "), shows: finding.id }));
  const marks = told.marks.filter(({ became }) => became !== "found").map((mark): ToldPage => ({ title: mark.became === "false" ? "A mark where nothing is" : "A mark too many", aside: `${percent(mark.confidence)} sure`, words: markWords(mark), shows: mark.id }));
  const answers = told.tasks.map((task): ToldPage => ({ title: task.prompt, aside: percent(task.share), words: `${task.why} You said: ${task.said || "nothing"}. Right: ${task.right}.`, shows: null }));
  const abilities: ToldPage[] = told.abilities.length === 0 ? [] : [{ title: "Your ability, with its uncertainty", aside: "", words: told.abilities.map(({ scale, mean, low, high }) => `${SCALES[scale].name} ${signed(mean)} (${signed(low)} to ${signed(high)})`).join("; ") + ". 0 is an average learner.", shows: null }];
  return [outcome, ...findings, ...marks, ...answers, ...abilities, { title: "Next", aside: "", words: told.next_step, shows: null }];
}

function feedback(told: Told, state: Desk, memory: PanelMemory, act: PanelDo): Control[] {
  const pages = toldPages(told);
  const index = Math.min(memory.told, pages.length - 1);
  const page = pages[index]!;
  const title = paragraph("title", page.title, 10, 2);
  const words = paragraph("told", page.words, title.end + (page.aside ? LINE : 0) + 2, 7, "label");
  const y = PANEL_SIZE.height_mm - EDGE - 2 * ROW - GAP;
  const last = index === pages.length - 1;
  const shows = page.shows;
  return [
    ...title.controls, ...(page.aside ? [caption("aside", page.aside, title.end - 3, "label")] : []), ...words.controls,
    press("told-previous", "", rect(EDGE, y, 40), () => act.remember({ told: Math.max(0, index - 1) }), { icon: "previous", disabled: index === 0 }),
    caption("told-count", `${index + 1}/${pages.length}`, y + 6, "label", "center", EDGE + 42, 50),
    ...(last ? [] : [press("told-next", "", rect(EDGE + 94, y, 40), () => act.remember({ told: index + 1 }), { icon: "next" })]),
    ...(shows === null ? [] : [press("show-me", "Show me", rect(EDGE + 139, y, 110), () => act.showMe(shows), { on: state.shown === shows })]),
    press("next-case", "Next case", rect(PANEL_SIZE.width_mm - EDGE - 118, y, 118), () => {
      act.remember({ told: 0, page: "task", first: 0, field: 0 });
      void act.desk.next();
    }, { on: last }),
    ...bottom(memory, act),
  ];
}

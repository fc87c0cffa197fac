// What is asked on the panel in the headset, one maker a kind of task. All that the flat page asks can be answered here.

import { caption, cell, COMMIT_Y, EDGE, GAP, hundredth, optionRows, paragraph, press, PANEL_SIZE, rect, ROW, slider, SLIDER_Y, turn, WIDTH, type Entry, type PanelDo, type PanelMemory } from "./parts";
import type { Control } from "../panel";
import { off_mm } from "../../model/reading/cut";
import { isJudged, nodeOf, taskOf, volumeOfTask, type Desk } from "../../model/reading/state";
import { ellipsoid_ml } from "../../model/reading/volume_by_rulers";
import { answerWords, percent, sureness } from "../../model/reading/words";
import type { TaskWork } from "../../model/reading/work";
import type { Answer, FieldView, TaskView } from "../../wire/training_messages";

/** All that a maker may look at; `y` is where it begins, `end` where it must end. */
interface Ask {
  readonly task: TaskView;
  readonly work: TaskWork;
  readonly state: Desk;
  readonly memory: PanelMemory;
  readonly act: PanelDo;
  readonly y: number;
  readonly end: number;
}

type Of<K extends Answer["kind"]> = Extract<Answer, { kind: K }>;

function given<K extends Answer["kind"]>({ work }: Ask, kind: K): Of<K> | null {
  const answer = work.given?.answer;
  return answer?.kind === kind ? (answer as Of<K>) : null;
}

const hasSlider = (task: TaskView, work: TaskWork): boolean => task.kind !== "mark" && task.asks_confidence && work.given !== null;

export function answerControls(task: TaskView, work: TaskWork, state: Desk, memory: PanelMemory, act: PanelDo, y: number): Control[] {
  const told = (state.reading?.hints ?? []).filter((hint) => hint.task === task.id).at(-1);
  const hint = told ? paragraph("hint-text", told.text, y, 2, "label") : { controls: [], end: y };
  const sure = work.given?.confidence ?? 0.5;
  const sureSlider = hasSlider(task, work) ? [slider("sure", sure, SLIDER_Y, (value) => act.desk.setConfidence(hundredth(value)), `How sure: ${sureness(sure)}, ${percent(sure)}`)] : [];
  // Room is kept for the slider before it comes, so that nothing jumps.
  const end = (task.asks_confidence && task.kind !== "mark" ? SLIDER_Y : COMMIT_Y) - GAP;
  return [...hint.controls, ...MAKERS[task.kind]({ task, work, state, memory, act, y: hint.end, end }), ...sureSlider];
}

/** How it is done, and what was done so far. */
function drawn(ask: Ask, how: string, more: readonly Control[] = []): Control[] {
  const words = answerWords(ask.task, ask.work.given, nodeOf(ask.state, volumeOfTask(ask.state, ask.task) ?? ""));
  const text = paragraph("how", how, ask.y, 2, "label");
  return [...text.controls, ...(words === null ? [] : [caption("so-far", words, text.end)]), ...more];
}

/** Two buttons and what they set. */
function stepper(id: string, words: string, y: number, less: () => void, more: () => void, x = EDGE, width = WIDTH): Control[] {
  return [
    press(`${id}-less`, "", rect(x, y, 34), less, { icon: "minus" }),
    caption(id, words, y + 6, "label", "center", x + 34, width - 68),
    press(`${id}-more`, "", rect(x + width - 34, y, 34), more, { icon: "plus" }),
  ];
}

const MAKERS: Record<TaskView["kind"], (ask: Ask) => Control[]> = {
  mark: marks,
  segment: (ask) => {
    const { desk } = ask.act;
    const { tool, brush_mm } = ask.state;
    const y = ask.end - ROW;
    const set = (by: number): void => desk.set({ brush_mm: Math.min(20, Math.max(1, brush_mm + by)) });
    return drawn(ask, "Hold the trigger and paint, slice by slice: the stick scrolls.", [
      press("paint", "Paint", rect(EDGE, y, 80), () => desk.setTool("brush"), { on: tool === "brush" }),
      press("erase", "Erase", rect(EDGE + 85, y, 80), () => desk.setTool("eraser"), { on: tool === "eraser" }),
      ...stepper("brush", `Brush ${brush_mm} mm`, y, () => set(-1), () => set(1), EDGE + 175, WIDTH - 175),
    ]);
  },
  box: (ask) => drawn(ask, "Drag a box round it in one plane, then in a second plane for its depth."),
  measure: measured,
  classify: classified,
  report: (ask) => {
    const now = given(ask, "report")?.fields ?? {};
    const index = Math.min(ask.memory.field, ask.task.fields.length - 1);
    const field = ask.task.fields[index];
    if (!field) return [];
    return [...turn(field.prompt, index, ask.task.fields.length, ask.y, ask.act), ...optionRows(field.options, [now[field.id] ?? ""], ask.y + ROW + GAP, ask.end, ask.memory, ask.act, (id) => ask.act.desk.answer({ kind: "report", fields: { ...now, [field.id]: id } }))];
  },
  choice: (ask) => {
    const chosen = given(ask, "choice")?.chosen ?? [];
    const toggled = (id: string): string[] => (chosen.includes(id) ? chosen.filter((each) => each !== id) : ask.task.options.map((each) => each.id).filter((each) => each === id || chosen.includes(each)));
    return optionRows(ask.task.options, chosen, ask.y, ask.end, ask.memory, ask.act, (id) => ask.act.desk.answer({ kind: "choice", chosen: ask.task.several ? toggled(id) : [id] }));
  },
  manage: (ask) => optionRows(ask.task.options, [given(ask, "manage")?.chosen ?? ""], ask.y, ask.end, ask.memory, ask.act, (id) => ask.act.desk.answer({ kind: "manage", chosen: id })),
  order: ordered,
  text: (ask) => {
    const text = given(ask, "text")?.text ?? "";
    const shown = paragraph("written", text === "" ? "Nothing is written yet." : text, ask.y, 5, "label");
    const write = press("write", text === "" ? "Write" : "Write on", rect(EDGE, ask.end - ROW, 120), () => open(ask, "text", ask.task.prompt, text, "words"));
    return [...shown.controls, write];
  },
  guide: (ask) => {
    if (!isJudged(ask.task)) return drawn(ask, "Press the entry on the skin in one slice, then the target in another. Press again to begin anew.");
    const { path } = ask.task;
    const volume = volumeOfTask(ask.state, ask.task);
    const follow = (part: number): void => {
      const point = path[Math.round(part * (path.length - 1))];
      if (point && volume) ask.act.desk.goTo(volume, [point[1], point[2], point[3]]);
    };
    const along = path.length === 0 ? [caption("how", "The path comes with the images.", ask.y, "label")] : [slider("along", alongPath(ask, path), ask.y, follow, "Follow the tool's tip")];
    return [...along, ...optionRows(ask.task.options, [given(ask, "guide")?.nearest ?? ""], ask.y + 28 + GAP, ask.end, ask.memory, ask.act, (id) => ask.act.desk.answer({ kind: "guide", path: [], nearest: id }))];
  },
};

/** How far along the path the first pane of its study stands, 0 to 1. */
function alongPath({ state, task }: Ask, path: TaskView["path"]): number {
  const cut = state.cuts.find(({ volume }) => volume === volumeOfTask(state, task));
  if (!cut) return 0;
  const off = path.map(([, ...at_mm]) => off_mm(cut, at_mm));
  return off.indexOf(Math.min(...off)) / Math.max(1, path.length - 1);
}

function open({ task, act }: Ask, field: string, title: string, text: string, keys: Entry["keys"]): void {
  act.remember({ entry: { task: task.id, field, title, text, keys, plane: text === "" ? "capital" : "small" } });
}

/** What stands on the keyboard becomes the answer of the task that is worked on. */
export function takeEntry(state: Desk, work: TaskWork, entry: Entry, text: string, act: PanelDo): void {
  const task = taskOf(state);
  if (task === null || task.id !== entry.task) return;
  const answer = work.given?.answer;
  if (task.kind === "text") act.desk.answer({ kind: "text", text });
  if (task.kind === "measure" && Number.isFinite(Number(text)) && text !== "") act.desk.answer({ kind: "measure", value: Number(text), ends_mm: null });
  if (task.kind !== "classify" || text.trim() === "") return;
  const now = answer?.kind === "classify" ? answer : null;
  if (entry.field === "") act.desk.answer({ kind: "classify", category: text.trim(), features: { ...heldFeatures(task.id), ...now?.features } });
  else if (Number.isFinite(Number(text))) enterFeature(task, now, entry.field, Number(text), act);
}

function measured(ask: Ask): Control[] {
  const { task, state, act, end } = ask;
  const y = end - ROW;
  const number = press("number", "Enter a number", rect(PANEL_SIZE.width_mm - EDGE - 140, y, 140), () => open(ask, "value", task.prompt, "", "number"), { size: "label" });
  if (task.quantity !== "volume_ml") return drawn(ask, task.quantity === "mean_value" ? "Drag a circle within it, from its middle outwards." : "Drag the ruler along the largest diameter.", [number]);
  const volume = volumeOfTask(state, task);
  const ellipsoid = ellipsoid_ml(state.rulers.filter((ruler) => ruler.volume === volume));
  const take = ellipsoid === null ? [] : [press("take", `Take ${ellipsoid.toPrecision(2)} ml from the last three`, rect(EDGE, y, WIDTH - 145), () => act.desk.answer({ kind: "measure", value: ellipsoid, ends_mm: null }), { size: "label" })];
  return drawn(ask, "Lay three rulers across it for an ellipsoid, or enter the volume.", [...take, number]);
}

/** Features one after another, the category last. */
function classified(ask: Ask): Control[] {
  const { task, memory, act, y, end } = ask;
  const now = given(ask, "classify");
  const pages: readonly (FieldView | null)[] = [...task.fields, null];
  const index = Math.min(memory.field, pages.length - 1);
  const field = pages[index] ?? null;
  const pager = pages.length > 1 ? turn(field === null ? "Category" : field.prompt, index, pages.length, y, act) : [];
  const from = y + (pages.length > 1 ? ROW + GAP : 0);
  const known = { ...heldFeatures(task.id), ...now?.features };
  if (field === null) {
    if (task.options.length > 0) return [...pager, ...optionRows(task.options, now ? [now.category] : [], from, end, memory, act, (id) => act.desk.answer({ kind: "classify", category: id, features: known }))];
    return [...pager, press("category", now?.category ?? "Write the category", rect(EDGE, from, 200), () => open(ask, "", "Category", now?.category ?? "", "words"), { on: now !== null })];
  }
  if (field.options.length > 0) return [...pager, ...optionRows(field.options, [String(known[field.id] ?? "")], from, end, memory, act, (id) => enterFeature(task, now, field.id, id, act))];
  const value = known[field.id];
  return [...pager, press("feature", value === undefined ? "Enter a number" : `${value} ${field.unit}`, rect(EDGE, from, 160), () => open(ask, field.id, field.prompt, "", "number"), { on: value !== undefined })];
}

/** Features entered before their category. */
const features = new Map<string, Record<string, string | number>>();
const heldFeatures = (task: string): Record<string, string | number> => features.get(task) ?? {};

function enterFeature(task: TaskView, now: Of<"classify"> | null, field: string, value: string | number, act: PanelDo): void {
  const next = { ...heldFeatures(task.id), ...now?.features, [field]: value };
  features.set(task.id, next);
  if (now) act.desk.answer({ ...now, features: next });
  act.remember({});
}

function ordered(ask: Ask): Control[] {
  const { task, memory, act, y, end } = ask;
  const items = given(ask, "order")?.items ?? task.options.map(({ id }) => id);
  const fit = Math.max(2, Math.floor((end - y) / (ROW + 2)));
  const room = items.length > fit ? fit - 1 : fit;
  const first = memory.first < items.length ? memory.first : 0;
  const raise = (index: number): void => {
    const next = [...items];
    next.splice(index - 1, 0, ...next.splice(index, 1));
    act.desk.answer({ kind: "order", items: next });
  };
  const rows = items.slice(first, first + room).flatMap((id, at): Control[] => {
    const index = first + at;
    return [
      caption(`item-${id}`, `${index + 1}  ${task.options.find((option) => option.id === id)?.text ?? id}`, y + 6 + at * (ROW + 2), "body", "left", EDGE, WIDTH - 45),
      press(`up-${id}`, "Up", rect(PANEL_SIZE.width_mm - EDGE - 40, y + at * (ROW + 2), 40), () => raise(index), { disabled: index === 0, size: "label" }),
    ];
  });
  if (items.length <= fit) return rows;
  const next = first + room >= items.length ? 0 : first + room;
  return [...rows, press("more", `More (${items.length} in all)`, cell(y + room * (ROW + 2), 0, 2), () => act.remember({ first: next }), { size: "label" })];
}

/** The chosen mark and its confidence; others by their numbers. */
function marks({ work, state, y, act: { desk } }: Ask): Control[] {
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

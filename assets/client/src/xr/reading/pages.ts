// What stands on the panel in the headset: the question and its answer, what was there. Millimetres, pure.

import { answerControls, takeEntry } from "./answers";
import { keyboard } from "./keyboard";
import { BOTTOM_Y, caption, COMMIT_Y, EDGE, FRESH, GAP, LINE, paragraph, press, PANEL_SIZE, rect, ROW, WIDTH, type PanelDo, type PanelMemory } from "./parts";
import { tools } from "./tools";
import type { Control } from "../panel";
import { isAllCommitted, nodeOf, taskOf, volumeOfTask, type Desk } from "../../model/reading/state";
import { answerWords, clock, commitWords, markWords, missWords, percent, SCALES, signed } from "../../model/reading/words";
import { workOf, type TaskWork } from "../../model/reading/work";
import type { TaskView, Told } from "../../wire/training_messages";

export function readingControls(state: Desk, memory: PanelMemory, act: PanelDo): Control[] {
  if (state.trouble !== null) return simple("That did not work", state.trouble.words, "again", "Try again", () => act.desk.retry(), act);
  if (state.phase === "feedback" && state.told !== null) return memory.page === "tools" ? [...tools(state, act), ...bottom(memory, act)] : feedback(state.told, state, memory, act);
  if (state.phase === "lobby" || state.phase === "progress") return simple(state.learner ? `Welcome, ${state.learner.name}` : "Reading room", "Read the slices, mark what is there, say how sure you are.", "begin", "Begin", () => void act.desk.next(), act);
  if (state.phase === "opening" || state.cuts.length === 0) return [caption("wait", state.work.isRevealed ? "Comparing with what was there …" : "The case is on its way …", 110, "body", "center"), ...bottom(memory, act)];
  if (state.work.isPaused) return simple("A break", "The clock stands. Look far away; what you did is kept.", "resume", "Read on", () => act.desk.resume(), act);
  if (state.offersBreak) return simple("You have read for 25 minutes", "Eyes miss more when they are tired.", "pause", "Take a break", () => act.desk.pause(), act, ["later", "In 5 minutes", () => act.desk.putOffBreak()]);
  if (memory.page === "tools") return [...tools(state, act), ...bottom(memory, act)];
  return memory.page === "case" ? known(state, memory, act) : tasks(state, memory, act);
}

function simple(title: string, words: string, id: string, button: string, doIt: () => void, act: PanelDo, other?: readonly [string, string, () => void]): Control[] {
  const text = paragraph("words", words, 70, 3);
  const buttons = other ? [press(id, button, rect(EDGE, 150, WIDTH / 2 - GAP), doIt), press(other[0], other[1], rect(EDGE + WIDTH / 2, 150, WIDTH / 2), other[2])] : [press(id, button, rect(EDGE + 80, 150, WIDTH - 160, 30), doIt, { on: true })];
  return [caption("title", title, 34, "body", "center"), ...text.controls, ...buttons, press("leave", "Leave", rect(PANEL_SIZE.width_mm - EDGE - 70, PANEL_SIZE.height_mm - EDGE - ROW, 70), () => act.leave(), { size: "label" })];
}

/** The row that is always there. */
function bottom(memory: PanelMemory, act: PanelDo): Control[] {
  const y = BOTTOM_Y;
  const other = memory.page === "task" ? "tools" : "task";
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
  const { entry } = memory;
  if (entry !== null && entry.task === task.id && !work.isCommitted) {
    const take = (text: string): void => takeEntry(state, work, entry, text, act);
    return keyboard(entry, act, (text) => entry.field === "text" && take(text), take);
  }
  const head = paragraph("prompt", task.prompt, 8, 3);
  const answer = work.isCommitted ? [caption("over", "Committed", head.end + 20)] : answerControls(task, work, state, memory, act, head.end);
  const count = caption("step", `${all.indexOf(task) + 1} of ${all.length}`, BOTTOM_Y + 6, "label", "left", EDGE + 186, 50);
  return [...head.controls, ...answer, count, ...commitRow(task, work, state, act), ...bottom(memory, act)];
}

function commitRow(task: TaskView, work: TaskWork, state: Desk, act: PanelDo): Control[] {
  const y = COMMIT_Y;
  if (work.isCommitted) return [press("go-on", "Go on", rect(EDGE, y, WIDTH - 135), () => act.desk.chooseTask(null), { on: true })];
  const words = answerWords(task, work.given, nodeOf(state, volumeOfTask(state, task) ?? ""));
  const cost = task.hints[work.hints];
  const commit = press("commit", commitWords(task, work.marks.length, words), rect(EDGE, y, WIDTH - 135), () => act.desk.commit(), { on: true });
  return cost === undefined ? [commit] : [commit, press("hint", `Hint: ${percent(cost)}`, rect(EDGE + WIDTH - 130, y, 130), () => act.desk.hint(), { size: "label" })];
}

/** What is known of the patient, and why this case: as the flat page tells beside the question. */
function known(state: Desk, memory: PanelMemory, act: PanelDo): Control[] {
  const { reading } = state;
  if (reading === null) return bottom(memory, act);
  const title = paragraph("case-title", reading.case.title, 10, 2);
  const history = paragraph("history", reading.case.history ?? "Nothing more is known.", title.end, 9, "label");
  const why = paragraph("why", reading.why, history.end + GAP, 3, "label");
  return [...title.controls, ...history.controls, ...why.controls, ...bottom(memory, act)];
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
  const y = COMMIT_Y;
  const last = index === pages.length - 1;
  const shows = page.shows;
  return [
    ...title.controls, ...(page.aside ? [caption("aside", page.aside, title.end - 3, "label")] : []), ...words.controls,
    press("told-previous", "", rect(EDGE, y, 40), () => act.remember({ told: Math.max(0, index - 1) }), { icon: "previous", disabled: index === 0 }),
    caption("told-count", `${index + 1}/${pages.length}`, y + 6, "label", "center", EDGE + 42, 50),
    ...(last ? [] : [press("told-next", "", rect(EDGE + 94, y, 40), () => act.remember({ told: index + 1 }), { icon: "next" })]),
    ...(shows === null ? [] : [press("show-me", "Show me", rect(EDGE + 139, y, 110), () => act.showMe(shows), { on: state.shown === shows })]),
    press("next-case", "Next case", rect(PANEL_SIZE.width_mm - EDGE - 118, y, 118), () => {
      act.remember(FRESH);
      void act.desk.next();
    }, { on: last }),
    ...bottom(memory, act),
  ];
}

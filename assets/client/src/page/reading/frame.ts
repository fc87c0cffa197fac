// The reading room's page: bar, wall, panel; and the states in which nothing is read.

import { createFeedbackPanel } from "./feedback_panel";
import { createProgressView } from "./progress_view";
import { createTaskPanel } from "./task_panel";
import { createToolHint, createWallTools, shownTools, TOOLS } from "./wall_tools";
import { element, setText } from "../element";
import { icon } from "../icon";
import type { LinkState } from "../../model/reading/journal";
import { taskOf, type Desk } from "../../model/reading/state";
import { clock } from "../../model/reading/words";
import { workOf } from "../../model/reading/work";
import type { Store } from "../../model/store";
import type { ReadingDesk } from "../../reading/desk";
import { Refused } from "../../wire/call";
import { secondDevice } from "../../wire/training";

/** What the frame needs of the headset. */
export interface Entrance {
  readonly state: Store<{ readonly vr: { readonly available: boolean; readonly reason?: string } | null; readonly message: string | null; readonly phase: string }>;
  enter(mode: "immersive-vr"): Promise<void>;
}

const LINKS: Record<LinkState, string> = {
  kept: "Kept",
  sending: "Keeping…",
  waiting: "Not connected: kept here, sent later",
  refused: "The server does not take this reading any more. Reload the page.",
};

export function createReadingFrame(desk: ReadingDesk, wall: HTMLElement, solid: HTMLElement, headset: Entrance): HTMLElement {
  const left = element("div", { class: "reading-middle" }, createWallTools(desk), element("div", { class: "wall-and-3d" }, wall, solid), createToolHint(desk));
  const work = element("div", { class: "reading-area" }, left, createTaskPanel(desk), createFeedbackPanel(desk));
  const frame = element("div", { class: "frame reading-room" }, bar(desk, headset), work, createProgressView(desk), cover(desk), breakLayer(desk));
  desk.store.watch((state) => state.phase, (phase) => (frame.dataset["phase"] = phase));
  desk.store.watch((state) => state.hand, (hand) => (frame.dataset["hand"] = hand));
  wireKeys(desk);
  return frame;
}

function bar(desk: ReadingDesk, headset: Entrance): HTMLElement {
  const { store } = desk;
  const title = element("span", { class: "title" });
  const link = element("span", { class: "link-state figure", role: "status" });
  const time = element("span", { class: "timer figure", title: "Time read, breaks left out" });
  const pause = element("button", { class: "tool", type: "button", onclick: () => desk.pause() }, icon("clock"), "Break");
  const progress = element("button", { class: "tool", type: "button", onclick: () => void desk.showProgress() }, icon("chart"), "Progress");
  const hand = element("button", { class: "tool", type: "button", title: "Which side the panel stands on, here and in the headset", onclick: () => desk.setHand(store.get().hand === "right" ? "left" : "right") }, icon("right"), element("span", {}));
  const educators = element("nav", { class: "educators", hidden: true }, element("a", { class: "tool", href: "/author" }, "Make a case"), element("a", { class: "tool", href: "/educator" }, "Cohort"));
  const enter = element("button", { class: "tool enter", type: "button", onclick: () => void headset.enter("immersive-vr") }, icon("headset"), "Enter VR");
  const why = element("span", { class: "why hint", role: "status", hidden: true });
  const draw = (): void => {
    const { reading, phase, link: state, work, hand: side } = store.get();
    setText(title, reading && phase !== "lobby" ? `${reading.case.title} · case ${reading.number}${reading.planned === null ? "" : ` of ${reading.planned}`}` : "Reading room");
    setText(link, phase === "reading" ? LINKS[state] : "");
    link.dataset["link"] = state;
    time.hidden = pause.hidden = phase !== "reading" || work.isRevealed;
    progress.hidden = phase === "progress" || phase === "opening";
    setText(hand.querySelector("span")!, side === "right" ? "Right-handed" : "Left-handed");
  };
  for (const part of ["reading", "phase", "link", "work", "hand"] as const) store.watch((state) => state[part], draw);
  store.watch((state) => state.learner, (learner) => (educators.hidden = learner?.role !== "educator"));
  const tick = (): void => setText(time, clock(desk.read_s()));
  window.setInterval(tick, 500);
  headset.state.watch((state) => state, ({ vr, message }) => {
    const no = vr?.available === false ? (vr.reason ?? "No headset was found.") : null;
    enter.setAttribute("aria-disabled", String(no !== null));
    enter.title = no ?? "Read on in the headset, where you are";
    why.hidden = message === null;
    setText(why, message ?? "");
  });
  return element("header", { class: "bar" }, element("span", { class: "word" }, "Sightline"), title, link, time, pause, progress, educators, hand, element("div", { class: "entrance" }, enter, why));
}

/** A code that lets a headset in as the same trainee, in place of the button that asked for it. */
async function showDeviceCode(button: HTMLElement): Promise<void> {
  const holder = element("div", { class: "device-code", role: "status" });
  button.parentElement!.after(holder);
  button.remove();
  try {
    const { code, qr, seconds } = await secondDevice();
    holder.replaceChildren(
      element("img", { src: qr, alt: "QR code for the headset", width: 132, height: 132 }),
      element("div", {}, element("p", { class: "digits" }, `${code.slice(0, 3)} ${code.slice(3)}`), element("p", { class: "hint" }, `Open ${location.origin} in the headset's browser and type these digits: you go on there as yourself. They hold for ${Math.round(seconds / 60)} minutes.`)),
    );
  } catch (error) {
    holder.replaceChildren(element("p", { class: "trouble" }, error instanceof Refused ? error.failure.summary : "The server does not answer."));
  }
}

/** While nothing can be read: who one is, what is under way, what failed; always one thing to do. */
function cover(desk: ReadingDesk): HTMLElement {
  const layer = element("div", { class: "notice reading-cover" });
  const draw = (): void => {
    const state = desk.store.get();
    const card = cardOf(state, desk);
    layer.hidden = card === null;
    layer.replaceChildren(...(card === null ? [] : [card]));
  };
  for (const part of ["phase", "trouble", "learner", "cuts", "studies", "reading", "link"] as const) desk.store.watch((state) => state[part], draw);
  return layer;
}

function cardOf(state: Desk, desk: ReadingDesk): HTMLElement | null {
  const { phase, trouble, learner, reading } = state;
  const again = element("button", { class: "button primary large", type: "button", onclick: () => desk.retry() }, "Try again");
  if (trouble !== null) return element("div", { class: "card", role: "alert" }, element("h2", {}, "That did not work"), element("p", {}, trouble.words), ...(trouble.canRetry ? [again] : []));
  if (phase === "progress" || phase === "feedback") return null;
  if (phase === "opening") return element("div", { class: "card empty" }, element("h2", {}, state.work.isRevealed ? "Comparing with what was there" : "Choosing the case that teaches most"), element("progress", {}), ...(state.link === "waiting" ? [element("p", {}, LINKS.waiting)] : []));
  if (phase === "lobby") {
    if (learner === null) return element("div", { class: "card empty" }, element("h2", {}, "Opening the reading room"), element("progress", {}));
    return element("div", { class: "card empty lobby" }, element("h2", {}, `Welcome, ${learner.name}`), element("p", {}, "Read the slices, mark what is there, say how sure you are. Then see what was there, and why."), element("button", { class: "button primary large", type: "button", onclick: () => void desk.next() }, "Begin"), element("div", { class: "row" }, element("button", { class: "button", type: "button", title: "Cases of a set number, chosen to measure; hints cost, and feedback comes after each", onclick: () => void desk.next({ mode: "exam", case: null }) }, "Take an exam"), element("button", { class: "button", type: "button", onclick: (event: Event) => void showDeviceCode(event.currentTarget as HTMLElement) }, "Read in a headset")), element("p", { class: "hint" }, "Research use, not a medical device. Cases may be simulated; you are told after each."));
  }
  const failed = Object.values(state.studies).some((study) => study.state === "failed");
  if (state.cuts.length > 0 || failed || reading === null) return null;
  return element("div", { class: "card empty" }, element("h2", {}, reading.case.title), element("p", {}, reading.why), element("progress", {}), element("p", { class: "hint" }, "The images are being made. They stay on this machine."));
}

function breakLayer(desk: ReadingDesk): HTMLElement {
  const layer = element("div", { class: "break-layer", role: "dialog", "aria-label": "Break" });
  const draw = (): void => {
    const { work, offersBreak, phase } = desk.store.get();
    const isPaused = work.isPaused && phase === "reading";
    layer.hidden = !isPaused && !(offersBreak && phase === "reading");
    layer.classList.toggle("whole", isPaused);
    layer.replaceChildren(isPaused ? paused(desk) : offer(desk));
  };
  for (const part of ["work", "offersBreak", "phase"] as const) desk.store.watch((state) => state[part], draw);
  return layer;
}

function paused(desk: ReadingDesk): HTMLElement {
  return element("div", { class: "card empty" }, element("h2", {}, "A break"), element("p", {}, "The clock stands. Look at something far away; what you did is kept."), element("button", { class: "button primary large", type: "button", onclick: () => desk.resume() }, "Read on"));
}

function offer(desk: ReadingDesk): HTMLElement {
  return element("div", { class: "card offer" }, element("p", {}, "You have read for 25 minutes. Eyes miss more when they are tired."), element("div", { class: "row" }, element("button", { class: "button primary", type: "button", onclick: () => desk.pause() }, "Take a break"), element("button", { class: "button", type: "button", onclick: () => desk.putOffBreak() }, "In 5 minutes")));
}

function wireKeys(desk: ReadingDesk): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, textarea, select")) return;
    const state = desk.store.get();
    if (state.phase !== "reading" && state.phase !== "feedback") return;
    const tool = shownTools(state).find((each) => TOOLS[each].key === event.key.toLowerCase());
    if (tool) desk.setTool(tool);
    else if ((event.key === "Delete" || event.key === "Backspace") && state.mark !== null) desk.unmark(state.mark);
    else if (/^[1-9]$/.test(event.key)) window_(desk, Number(event.key) - 1);
    else if (event.key.toLowerCase() === "f") desk.fill(state.filled === null ? state.active : null);
    else if (event.key === "[" || event.key === "]") surer(desk, state, event.key === "]" ? 0.1 : -0.1);
    else return;
    event.preventDefault();
  });
}

/** 1 to 9: the windows in their order. */
function window_(desk: ReadingDesk, index: number): void {
  const { active } = desk.store.get();
  const preset = desk.presets(active)[index];
  if (preset) desk.setWindow(active, preset);
}

/** Brackets: the chosen mark's confidence, or the answer's. */
function surer(desk: ReadingDesk, state: Desk, by: number): void {
  const task = taskOf(state);
  if (task === null) return;
  const work = workOf(state.work, task.id);
  const mark = work.marks.find(({ id }) => id === state.mark);
  const held = (value: number): number => Math.min(1, Math.max(0, Math.round(100 * (value + by)) / 100));
  if (mark) desk.setMark(mark.id, { confidence: held(mark.confidence) });
  else if (work.given?.confidence != null) desk.setConfidence(held(work.given.confidence));
}

// The states without a picture: empty, at work, failed, lost. Each says what is so and offers one thing to do.

import type { Actions } from "./actions";
import { element } from "./element";
import { icon } from "./icon";
import { reasonList } from "./reasons";
import { reasons } from "../model/dropped";
import { sentenceCase, timeLeft } from "../model/number_text";
import { may } from "../model/self";
import type { AppStore, State } from "../model/state";
import type { Failure } from "../wire/messages";

interface Work {
  readonly title: string;
  readonly fraction: number;
  readonly eta_s: number | null;
}

function workOf(state: State): Work | null {
  const { upload, job } = state;
  if (upload) {
    return { title: `Sending ${upload.sentFiles} of ${upload.files} ${upload.files === 1 ? "file" : "files"}`, fraction: upload.fraction, eta_s: upload.eta_s };
  }
  if (job) return { title: job.state === "queued" ? "Waiting to start" : sentenceCase(job.stage || "opening"), fraction: job.fraction, eta_s: job.eta_s };
  return null;
}

function workCard(actions: Actions): { card: HTMLElement; update(work: Work): void } {
  const title = element("h2", {});
  const left = element("span", { class: "figure" });
  const bar = element("progress", { max: 100, "aria-label": "Progress" });
  const cancel = element("button", { class: "button", type: "button", onclick: () => actions.cancel() }, "Cancel");
  const card = element("div", { class: "card work", role: "status" }, title, bar, element("div", { class: "row spread" }, left, cancel));
  return {
    card,
    update(work) {
      const percent = Math.round(work.fraction * 100);
      if (title.textContent !== work.title) title.textContent = work.title;
      bar.value = percent;
      left.textContent = `${percent} % · ${timeLeft(work.eta_s)}`;
    },
  };
}

/** Longer than this, a reason is no heading. */
const HEADING = 90;
/** More reasons than these fold away. */
const REASONS_AT_ONCE = 3;

const sentence = (text: string): string => `${sentenceCase(text).replace(/\.$/, "")}.`;

function failureCard(failure: Failure, canRetry: boolean, store: AppStore, actions: Actions): HTMLElement {
  const { summary, problems, remedy } = failure;
  const why = reasons(problems);
  // Of one bad file the summary is the reason itself, which then stands beside the file.
  const isSaidBelow = why.length === 1 && summary.endsWith(why[0]!.reason);
  const isShort = summary.length <= HEADING && !isSaidBelow;
  const first = canRetry
    ? element("button", { class: "button primary", type: "button", onclick: () => actions.tryAgain() }, "Try again")
    : element("button", { class: "button primary", type: "button", onclick: () => actions.chooseFiles(true) }, icon("folder"), "Open another folder");
  const close = element("button", { class: "button", type: "button", onclick: () => store.update((s) => ({ ...s, failure: null })) }, "Close");
  return element(
    "div",
    { class: "card failed", role: "alert" },
    element("h2", {}, isShort ? sentenceCase(summary).replace(/\.$/, "") : "This could not be opened"),
    isShort || isSaidBelow ? null : element("p", {}, sentence(summary)),
    reasonList(problems, why.length > REASONS_AT_ONCE ? `Why, file by file (${problems.length})` : null),
    remedy ? element("p", {}, remedy) : null,
    element("div", { class: "row" }, first, close),
  );
}

function announcementCard(text: string, store: AppStore): HTMLElement {
  const close = element("button", { class: "button", type: "button", onclick: () => store.update((s) => ({ ...s, announcement: null })) }, "Close");
  return element("div", { class: "card", role: "status" }, element("p", {}, text), element("div", { class: "row" }, close));
}

function waitingCard(): HTMLElement {
  return element("div", { class: "card", role: "status" }, element("h2", {}, "Nothing is open yet"), element("p", {}, "You will see it as soon as somebody who leads this session opens a study."));
}

function emptyCard(state: State, actions: Actions): HTMLElement {
  const known = (state.library?.studies.length ?? 0) > 0;
  const button = element("button", { class: "button primary large", type: "button", onclick: () => actions.chooseFiles(true) }, icon("folder"), "Open a folder");
  const words = known ? "Choose a series on the left, or drop a folder here." : "Drop a folder of DICOM here. It stays on your Sightline server; nothing goes anywhere else.";
  return element("div", { class: "card empty" }, element("h2", {}, "Open a study"), element("p", {}, words), button);
}

function connectingCard(): HTMLElement {
  return element("div", { class: "card", role: "status" }, element("h2", {}, "Connecting"), element("p", {}, "Waiting for the Sightline server."));
}

/** What stands in the middle: a key that changes when the card must be made anew, and its maker. */
type Choice = { readonly key: string; readonly make: () => HTMLElement } | null;

function choose(state: State, store: AppStore, actions: Actions): Choice {
  const { failure, canRetry, announcement } = state;
  if (failure) return { key: `failed ${failure.summary}`, make: () => failureCard(failure, canRetry, store, actions) };
  if (announcement) return { key: `told ${announcement}`, make: () => announcementCard(announcement, store) };
  if (state.scene !== null) return null;
  if (state.connection === "connecting") return { key: "connecting", make: connectingCard };
  if (!may(state, "open")) return { key: "waiting", make: waitingCard };
  const known = (state.library?.studies.length ?? 0) > 0;
  return { key: `empty ${known}`, make: () => emptyCard(state, actions) };
}

/** Cards over the grid. Work over an open scene moves to the edge: what is shown stays usable. */
export function createNotice(store: AppStore, actions: Actions): HTMLElement {
  const layer = element("div", { class: "notice" });
  const work = workCard(actions);
  let shown: string | null = null;
  const draw = (): void => {
    const state = store.get();
    const busy = workOf(state);
    if (busy) work.update(busy);
    const choice: Choice = busy ? { key: "work", make: () => work.card } : choose(state, store, actions);
    const key = choice?.key ?? null;
    layer.classList.toggle("aside", state.scene !== null && (busy !== null || (state.failure === null && state.announcement !== null)));
    layer.classList.toggle("over", state.scene !== null);
    layer.hidden = choice === null;
    if (key === shown) return;
    shown = key;
    layer.replaceChildren(...(choice ? [choice.make()] : []));
  };
  for (const part of ["failure", "announcement", "job", "upload", "scene", "connection", "library", "self"] as const) store.watch((s) => s[part], draw);
  return layer;
}

/** The line that says the picture may be old. It changes what is seen at once, and stays until it is live again. */
export function createLostBanner(store: AppStore, actions: Actions): HTMLElement {
  const text = element("span", {});
  const retry = element("button", { class: "button", type: "button", onclick: () => actions.retryConnection() }, "Try now");
  const banner = element("div", { class: "lost", role: "alert", hidden: true }, element("strong", {}, "Connection lost."), text, retry);
  const draw = (): void => {
    const { connection, lostSince_s, scene, freshness } = store.get();
    banner.hidden = connection !== "lost";
    document.documentElement.toggleAttribute("data-stale", freshness !== "fresh" && scene !== null);
    if (connection !== "lost" || lostSince_s === null) return;
    const age = Math.max(0, Math.round(performance.now() / 1000 - lostSince_s));
    const since = age < 2 ? "just now" : `${age < 60 ? `${age} s` : `${Math.floor(age / 60)} min`} ago`;
    text.textContent = scene ? ` What you see was current ${since}. Trying again by itself.` : " Trying again by itself.";
  };
  store.watch((s) => s.connection, draw);
  store.watch((s) => s.freshness, draw);
  window.setInterval(draw, 1000);
  return banner;
}

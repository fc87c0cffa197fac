// The guidance session in the right column: the steps and what to do next, how accurate it is, landmarks, margins, ways,
// what was taken away. Only there while something is guided.

import { createDistanceList } from "./distance_list";
import { element, setText } from "./element";
import { createFigureSheet } from "./figure_view";
import { latestWins } from "./latest";
import { justified, sentenceCase, withError } from "../model/number_text";
import { accuracyText, checkedText, DEVICE_WORDS, dueText, landmarkText, STEPS, stepState, trendText, upToTenth } from "../model/session_words";
import { may } from "../model/self";
import type { Sight } from "../model/sight";
import type { AppStore } from "../model/state";
import type { Store } from "../model/store";
import { setFollowsTip } from "../model/view";
import type { Guidance, GuideAsk, GuidedLandmark, MarginBand, Resection, Trajectory } from "../wire/messages";

export interface GuidanceActions {
  readonly guide: (ask: GuideAsk) => void;
  /** For how long the overlay was on, in words. */
  readonly overlayTime: () => string;
  readonly checkDisplay: () => void;
}

/** As fast as a hand moves a slider, and no faster. */
const SLIDE_EVERY_MS = 33;
const COUNT_EVERY_MS = 1000;
const MARGIN_MM = { least: -10, most: 20, step: 0.5 };

type Part = (guidance: Guidance) => void;

export function createGuidancePanel(store: AppStore, sights: Store<Sight | null>, actions: GuidanceActions): HTMLElement {
  const parts = [steps(store, actions), accuracy(sights), landmarks(store, actions), margins(store, actions), ways(store, actions), resection(store, actions)];
  const section = element("section", { class: "panel-section grow guidance", "aria-label": "Guidance" }, ...parts.map((part) => part.element), distances(sights), overlayPart(store, actions));
  const draw = (): void => {
    const guidance = store.get().scene?.guidance ?? null;
    section.hidden = guidance === null;
    if (guidance !== null) for (const part of parts) part.draw(guidance);
  };
  store.watch((state) => state.scene?.guidance, draw);
  store.watch((state) => state.self, draw);
  return section;
}

interface Drawn {
  readonly element: HTMLElement;
  readonly draw: Part;
}

/** A part that opens by itself where its step is, and stays as it was left otherwise. */
function fold(title: string, opensAt: readonly Guidance["step"][], ...children: HTMLElement[]): { readonly element: HTMLDetailsElement; follow(guidance: Guidance): void } {
  const details = element("details", { class: "fold" }, element("summary", {}, title), ...children);
  let step: Guidance["step"] | null = null;
  return {
    element: details,
    follow(guidance) {
      if (guidance.step !== step) details.open = opensAt.includes((step = guidance.step));
    },
  };
}

function steps(store: AppStore, { guide }: GuidanceActions): Drawn {
  const list = element("ol", { class: "steps" });
  const next = element("p", { class: "next" });
  const plan = element("h2", {});
  const device = element("p", { class: "hint device" });
  const tools = element("ul", { class: "rows" });
  return {
    element: element("div", { class: "part" }, plan, device, list, next, tools),
    draw(guidance) {
      setText(plan, guidance.plan);
      setText(next, guidance.next);
      const { name, state, words, simulated } = guidance.device;
      setText(device, `${name} · ${words || DEVICE_WORDS[state]}${simulated && !/simulated/i.test(name) ? " · simulated" : ""}`);
      device.dataset["state"] = state;
      list.replaceChildren(...STEPS.map(([step, word]) => {
        const now = stepState(guidance, step);
        return element("li", { "data-state": now, "aria-current": now === "now" ? "step" : null }, element("span", { class: "only-said" }, now === "done" ? "done: " : ""), word);
      }));
      const uncalibrated = guidance.step === "calibrate" ? guidance.tools : [];
      tools.replaceChildren(...uncalibrated.map(({ node, name: tool, tip_error_mm }) => element(
        "li", {}, element("span", { class: "label" }, `${tool}: ${tip_error_mm === null ? "not calibrated" : `tip ±${upToTenth(tip_error_mm)} mm`}`),
        ...(may(store.get(), "register") ? [small("Turn", () => guide({ kind: "calibrate", tool: node, state: "start", how: "pivot" })), small("Done", () => guide({ kind: "calibrate", tool: node, state: "stop", how: "pivot" }))] : []),
      )));
    },
  };
}

function small(text: string, press: () => void, more: Record<string, unknown> = {}): HTMLButtonElement {
  return element("button", { class: "button small", type: "button", onclick: press, ...more }, text);
}

function accuracy(sights: Store<Sight | null>): Drawn {
  const line = element("p", { class: "big-figure accuracy" });
  const [checked, due, trend, words] = [element("p", { class: "hint" }), element("p", { class: "hint" }), element("p", { class: "trend", role: "alert" }), element("p", { class: "hint" })];
  const part = element("div", { class: "part" }, element("h3", {}, "Accuracy"), line, checked, due, trend, words);
  let now: Guidance["accuracy"] = null;
  const count = (): void => {
    if (now === null) return;
    const hub_s = sights.get()?.hub_s ?? null;
    setText(checked, checkedText(now, hub_s));
    setText(due, dueText(now, hub_s));
  };
  window.setInterval(count, COUNT_EVERY_MS);
  return {
    element: part,
    draw(guidance) {
      now = guidance.accuracy;
      part.hidden = now === null;
      if (now === null) return;
      setText(line, accuracyText(now) ?? "");
      setText(trend, trendText(now));
      setText(words, sentenceCase(now.words));
      count();
    },
  };
}

function landmarks(store: AppStore, { guide }: GuidanceActions): Drawn {
  const list = element("ul", { class: "rows landmarks" });
  const solve = small("Register from these", () => guide({ kind: "solve", headset: false }));
  const folded = fold("Landmarks", ["register", "verify"], list, solve);
  const row = (landmark: GuidedLandmark, canTouch: boolean): HTMLElement => {
    const { id, name, state, use } = landmark;
    const touch = state === "touched" ? small("Again", () => guide({ kind: "leave", landmark: id })) : small("Touch", () => guide({ kind: "collect", landmark: id }), { disabled: state === "touching" });
    return element("li", { "data-state": state, "data-use": use }, element("span", { class: "mark", "aria-hidden": "true" }), element("span", { class: "label" }, name, element("span", { class: "detail" }, landmarkText(landmark))), ...(canTouch ? [touch] : []));
  };
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.landmarks.length === 0;
      const canTouch = may(store.get(), "register");
      list.replaceChildren(...guidance.landmarks.map((landmark) => row(landmark, canTouch)));
      solve.hidden = !canTouch || guidance.step !== "register";
    },
  };
}

function margins(store: AppStore, { guide }: GuidanceActions): Drawn {
  const list = element("ul", { class: "rows margins" });
  const folded = fold("Margins", ["guide"], list);
  const rows = new Map<string, { readonly element: HTMLElement; draw(margin: MarginBand): void }>();
  const create = (id: string): { readonly element: HTMLElement; draw(margin: MarginBand): void } => {
    const send = latestWins((distance_mm: number) => guide({ kind: "margin", margin: id, distance_mm, toward_mm: null }), SLIDE_EVERY_MS);
    const [name, value, volume] = [element("span", { class: "label" }), element("output", { class: "figure" }), element("span", { class: "detail figure" })];
    let held = 0;
    const write = (): void => {
      setText(value, `${Number(slider.value).toFixed(1)} mm`);
      slider.style.setProperty("--part", `${(100 * (Number(slider.value) - MARGIN_MM.least)) / (MARGIN_MM.most - MARGIN_MM.least)}%`);
    };
    const slider = element("input", {
      type: "range", min: MARGIN_MM.least, max: MARGIN_MM.most, step: MARGIN_MM.step,
      oninput: () => {
        held = performance.now();
        write();
        send(Number(slider.value));
      },
    });
    const row = element("li", { class: "margin-row" }, name, value, slider, volume);
    return {
      element: row,
      draw(margin) {
        setText(name, margin.name);
        slider.setAttribute("aria-label", `${margin.name}, millimetres`);
        slider.disabled = !may(store.get(), "set_margin");
        setText(volume, [margin.volume_ml === null ? "" : justified(margin.volume_ml, margin.volume_ml / 20 || 1, "ml"), margin.toward_mm === null ? "" : "differs by side"].filter(Boolean).join(" · "));
        // What a hand holds is not moved by an answer to where it was.
        if (performance.now() - held > 500) slider.value = String(margin.distance_mm);
        write();
      },
    };
  };
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.margins.length === 0;
      for (const [id, row] of rows) {
        if (guidance.margins.some((margin) => margin.id === id)) continue;
        row.element.remove();
        rows.delete(id);
      }
      for (const margin of guidance.margins) {
        const row = rows.get(margin.id) ?? create(margin.id);
        if (!rows.has(margin.id)) list.append(row.element);
        rows.set(margin.id, row);
        row.draw(margin);
      }
    },
  };
}

function ways(store: AppStore, { guide }: GuidanceActions): Drawn {
  const list = element("ul", { class: "rows ways", role: "radiogroup", "aria-label": "Ways" });
  const folded = fold("Ways", ["guide"], list);
  const facts = ({ angle_deg, clearances, refused }: Trajectory): string => {
    if (refused) return sentenceCase(refused);
    const [least] = [...clearances].sort((a, b) => a.least_mm - b.least_mm);
    return [least ? `${least.name} ${least.least_mm.toFixed(1)} mm away` : "", angle_deg === null ? "" : `${angle_deg.toFixed(0)}° to the surface`].filter(Boolean).join(" · ");
  };
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.trajectories.length === 0;
      const can = may(store.get(), "set_margin");
      list.replaceChildren(...guidance.trajectories.map((way) => {
        const isChosen = way.id === guidance.chosen;
        const choose = (): void => guide({ kind: "choose", id: isChosen ? null : way.id });
        const length_mm = Math.hypot(...way.entry_mm.map((x, n) => x - way.target_mm[n]!));
        return element("li", {}, element(
          "button", { class: "way", type: "button", role: "radio", "aria-checked": String(isChosen), disabled: !can || way.refused !== "", onclick: choose },
          element("span", { class: "label" }, way.name), element("span", { class: "figure detail" }, `${length_mm.toFixed(0)} mm`), element("span", { class: "detail facts-line" }, facts(way)),
        ));
      }));
    },
  };
}

function resection(store: AppStore, { guide }: GuidanceActions): Drawn {
  const facts = element("dl", { class: "facts" });
  const cut = small("", () => guide({ kind: "cut", state: store.get().scene?.guidance?.resection?.cutting ? "stop" : "start" }));
  const undo = small("Take back", () => guide({ kind: "cut", state: "undo" }));
  const folded = fold("Resection", ["guide"], facts, element("div", { class: "row" }, cut, undo));
  const figures = (now: Resection): readonly (readonly [string, string])[] => {
    const half_ml = (now.remaining_most_ml - now.remaining_least_ml) / 2;
    return [
      ["Removed", justified(now.removed_ml, half_ml || 0.1, "ml")],
      ["Remaining", withError(now.remaining_ml, half_ml, "ml")],
      ["Least margin", now.margin_mm === null || now.margin_error_mm === null ? "–" : withError(now.margin_mm, now.margin_error_mm, "mm")],
      ...(now.unseen_s > 0 ? [["Tool unseen while cutting", `${now.unseen_s.toFixed(0)} s`] as const] : []),
    ];
  };
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      const now = guidance.resection;
      folded.element.hidden = now === null;
      if (now === null) return;
      facts.replaceChildren(...figures(now).flatMap(([name, value]) => [element("dt", {}, name), element("dd", { class: "figure" }, value)]));
      setText(cut, now.cutting ? "Stop cutting" : "Start cutting");
      undo.disabled = now.undo_count === 0;
      cut.hidden = undo.hidden = !may(store.get(), "register");
    },
  };
}

/** All of them, for who asks: the few that matter stand over the 3-D view. */
function distances(sights: Store<Sight | null>): HTMLElement {
  const sheet = createFigureSheet();
  const list = createDistanceList(sheet, Infinity);
  const details = element("details", { class: "fold" }, element("summary", {}, "All distances"), list.element, sheet.reference);
  const draw = (): void => {
    const tool = sights.get()?.tools[0];
    if (!details.open || tool === undefined) return;
    list.draw(tool);
    sheet.check();
  };
  details.addEventListener("toggle", draw);
  sights.watch((sight) => sight, draw);
  return details;
}

function overlayPart(store: AppStore, { overlayTime, checkDisplay }: GuidanceActions): HTMLElement {
  const time = element("p", { class: "hint" });
  const overlay = element("button", { class: "button", type: "button", title: "Overlay on or off (O)", onclick: () => store.update((s) => ({ ...s, overlayOn: !s.overlayOn })) });
  const follow = element("button", { class: "button", type: "button", title: "Slices follow the tip (F)", onclick: () => store.update((s) => setFollowsTip(s, !s.view.followsTip)) }, "Slices follow tip");
  store.watch((s) => s.overlayOn, (on) => {
    setText(overlay, on ? "Overlay on" : "Overlay off");
    overlay.setAttribute("aria-pressed", String(on));
  });
  store.watch((s) => s.view.followsTip, (on) => follow.setAttribute("aria-pressed", String(on)));
  window.setInterval(() => setText(time, `${overlayTime()}. Kept on this page only.`), COUNT_EVERY_MS);
  return element("div", { class: "part" }, element("div", { class: "row" }, overlay, follow), time, element("button", { class: "text", type: "button", onclick: checkDisplay }, "Check this display"));
}

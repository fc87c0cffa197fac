// The pages of the panel while something is guided: what one does with a tip in the hand and eyes on the patient.

import type { Control, Rect } from "./panel";
import { button, caption, cell, range, ticked, turning, type Range } from "./panel_layout";
import type { GuideView, PanelIntents, PanelView } from "./panel_pages";
import { shownAlerts } from "../model/alarm";
import { BANDS, bandsFault } from "../model/bands";
import { MARGIN_MM, SIDES, towardOf } from "../model/margin_shape";
import { guessWords, movedText } from "../model/moved_tissue";
import { sentenceCase, tenths_mm } from "../model/number_text";
import { may } from "../model/self";
import type { State } from "../model/state";
import type { Guidance, GuidedStructure, MarginBand } from "../wire/messages";

/** Fewer points fix no rigid place. */
const LEAST_LANDMARKS = 3;
const BAND_MM: Range = { least: -5, most: 20, step: 0.5 };
/** Rows of a list that leaves the last for the way back. */
const LIST_ROWS = 5;

const GUIDE_ROWS = 3;

type PageOf<More extends unknown[]> = (...args: [...More, state: State, view: PanelView, intents: PanelIntents]) => Control[];

/** A page of a guidance that has come to its end meanwhile says so. */
function whileGuided(page: PageOf<[guidance: Guidance, guide: GuideView]>): PageOf<[]> {
  return (state, view, intents) => {
    const guidance = state.scene?.guidance ?? null;
    if (guidance === null || view.guide === null) return [caption("none", cell(0, 0, 1), "Nothing is guided now")];
    return page(guidance, view.guide, state, view, intents);
  };
}

export const guidePage = whileGuided((guidance, guide, state, _view, intents) => {
  const { overlayOn } = state;
  const quiet = shownAlerts(state).some(({ sounds, may_be_quiet }) => sounds && may_be_quiet);
  const isTouching = guidance.step === "register" || guidance.step === "verify" || guide.landmark !== null;
  return [
    button("overlay", cell(0, 0, 2), overlayOn ? "Overlay on" : "Overlay off", () => intents.toggleOverlay(), { on: overlayOn, ...ticked(overlayOn) }),
    button("silence", cell(0, 1, 2), "Silence", () => intents.silence(), { disabled: !quiet }),
    caption("guide-words", cell(1, 0, 1), guide.words || guidance.next),
    ...(isTouching ? landmarkRows(guidance, guide, intents) : [...wayRows(guidance, intents), ...(isMoved(guidance) ? movedWords(guidance, cell(4, 0, 1)) : [])]),
    ...(isTouching ? touchingFoot(state, guidance, guide, intents) : guidingFoot(state, intents)),
  ];
});

function landmarkRows({ landmarks }: Guidance, { landmark, done }: GuideView, intents: PanelIntents): Control[] {
  const ahead = [...landmarks].sort((a, b) => Number(done.has(a.id)) - Number(done.has(b.id)));
  return ahead.slice(0, GUIDE_ROWS).map(({ id, name, use }, row) => {
    const isChosen = id === landmark;
    const text = isChosen ? `Hold the tip on: ${name}` : `${name}${use === "check" ? " (check)" : ""}`;
    return button(`landmark-${id}`, cell(2 + row, 0, 1), text, () => intents.touchLandmark(id), { on: isChosen, ...ticked(done.has(id)) });
  });
}

const isMoved = ({ moved }: Guidance): boolean => moved !== null && moved.points.length > 0;

function wayRows(guidance: Guidance, intents: PanelIntents): Control[] {
  const { trajectories, chosen } = guidance;
  // The chosen one first where not all have room.
  const rows = GUIDE_ROWS - (isMoved(guidance) ? 1 : 0);
  const ahead = rows < trajectories.length ? [...trajectories].sort((a, b) => Number(b.id === chosen) - Number(a.id === chosen)) : trajectories;
  return ahead.slice(0, rows).map(({ id, name, refused }, row) =>
    button(`way-${id}`, cell(2 + row, 0, 1), refused ? `${name}: ${refused}` : name, () => intents.chooseWay(id), { on: id === chosen, disabled: refused !== "", ...ticked(id === chosen) }));
}

/** Words in two lines where they have two halves. */
function lines(id: string, rect: Rect, words: string): Control[] {
  const [first, ...rest] = words.split("; ");
  if (rest.length === 0) return [caption(id, rect, words)];
  const half = { ...rect, h_mm: rect.h_mm / 2 };
  return [caption(id, half, `${first!};`), caption(`${id}-more`, { ...half, y_mm: rect.y_mm + half.h_mm }, rest.join("; "))];
}

function movedWords({ moved }: Guidance, rect: Rect): Control[] {
  return lines("moved", rect, guessWords(moved) || movedText(moved));
}

function touchingFoot(state: State, { traced }: Guidance, { done }: GuideView, intents: PanelIntents): Control[] {
  const trace = traced === null ? (["Trace the skin", "start"] as const) : ([`Register (${traced} points)`, "stop"] as const);
  return [
    button("register-headset", cell(5, 0, 2), "Place it here", () => intents.registerHeadset(), { disabled: done.size < LEAST_LANDMARKS }),
    button("trace", cell(5, 1, 2), trace[0], () => intents.trace(trace[1]), { on: traced !== null, disabled: !may(state, "register") }),
  ];
}

function guidingFoot({ view: { followsTip } }: State, intents: PanelIntents): Control[] {
  const to = (n: number, page: "margins" | "warnings" | "tissue", text: string): Control => button(page, cell(5, n, 4), text, () => intents.turnTo(page), { size: "label" });
  return [
    button("follow", cell(5, 0, 4), "Slice at tip", () => intents.toggleFollow(), { size: "label", on: followsTip, ...ticked(followsTip) }),
    to(1, "margins", "Margins"),
    to(2, "warnings", "Warnings"),
    to(3, "tissue", "Moved tissue"),
  ];
}

/** The last row of a page that was turned to from another. */
function back(to: "guide" | "margins" | "warnings", intents: PanelIntents): Control {
  return button("back", cell(5, 0, 3), "Back", () => intents.turnTo(to), { icon: "previous" });
}

/** A slider for whoever may set it, and its words for who may not. */
function setting(canSet: boolean, id: string, rect: Rect, text: string, value: number, ends: Range, set: (value: number) => void): Control {
  return canSet ? range(id, rect, text, value, ends, set) : caption(id, rect, text, "body");
}

export const marginsPage = whileGuided((guidance, _guide, state, view, intents) => {
  const canSet = may(state, "set_margin");
  const rows = guidance.margins.slice(0, LIST_ROWS).flatMap((margin, row): Control[] => {
    const shape = view.marginShape(margin);
    const [wide, side] = [cell(row, 0, 4, 3), cell(row, 3, 4)];
    const text = `${margin.name}  ${tenths_mm(shape.distance_mm)}`;
    return [
      setting(canSet, `margin-${margin.id}`, wide, text, shape.distance_mm, MARGIN_MM, (to) => intents.setMargin(margin, to)),
      button(`sides-${margin.id}`, side, "By side", () => intents.openSides(margin.id), { size: "label", on: shape.toward_mm !== null, ...ticked(shape.toward_mm !== null) }),
    ];
  });
  const none = rows.length === 0 ? [caption("none", cell(0, 0, 1), "No margin is planned")] : [];
  return [...none, ...rows, back("guide", intents)];
});

export const sidesPage = whileGuided((guidance, _guide, state, view, intents) => {
  const margin = guidance.margins.find(({ id }) => id === view.chosen);
  if (margin === undefined) return [caption("none", cell(0, 0, 1), "This margin is gone"), back("margins", intents)];
  return [...sideRows(margin, state, view, intents), back("margins", intents)];
});

function sideRows(margin: MarginBand, state: State, view: PanelView, intents: PanelIntents): Control[] {
  const canSet = may(state, "set_margin");
  const shape = view.marginShape(margin);
  const sides = towardOf(shape).map((value, side): Control => {
    const at = cell(1 + Math.floor(side / 2), side % 2, 2);
    const text = `${sentenceCase(SIDES[side]!)}  ${tenths_mm(value)}`;
    return setting(canSet, `side-${side}`, at, text, value, MARGIN_MM, (to) => intents.setSide(margin, side, to));
  });
  return [
    caption("margin", cell(0, 0, 1), shape.toward_mm === null ? `${margin.name}: the same on all sides` : `${margin.name}: differs by side`, "body"),
    ...sides,
    button("even", cell(4, 0, 1), "Same on all sides", () => intents.evenMargin(margin), { disabled: !canSet || shape.toward_mm === null }),
  ];
}

export const warningsPage = whileGuided((guidance, _guide, _state, view, intents) => {
  const all = guidance.structures;
  const first = Math.max(0, Math.min(view.first, all.length - 1));
  const rows = all.slice(first, first + LIST_ROWS).map(({ node, name, bands }, row) =>
    button(`bands-${node}`, cell(row, 0, 1), `${name}  ${bands.near_mm} · ${bands.risk_mm} · ${bands.breach_mm} mm`, () => intents.openBands(node)));
  return [...rows, ...turning(all.length, first, LIST_ROWS, [cell(5, 1, 3), cell(5, 2, 3)], (to) => intents.showFrom(to)), back("guide", intents)];
});

export const bandsPage = whileGuided((guidance, _guide, state, view, intents) => {
  const structure = guidance.structures.find(({ node }) => node === view.chosen);
  if (structure === undefined) return [caption("none", cell(0, 0, 1), "This structure is no longer watched"), back("warnings", intents)];
  return [
    caption("structure", cell(0, 0, 1), `${structure.name}: warnings begin at`, "body"),
    ...bandRows(structure, state, intents),
    caption("bands-words", cell(4, 0, 1), "Once the error is taken off"),
    back("warnings", intents),
  ];
});

function bandRows({ node, bands }: GuidedStructure, state: State, intents: PanelIntents): Control[] {
  const canSet = may(state, "set_margin");
  return BANDS.map(([key, word], row) => {
    const text = `${word}  ${tenths_mm(bands[key])}`;
    // Bands that would change their order stay where they are: the slider stops there.
    const slide = (to: number): void => {
      const wanted = { ...bands, [key]: to };
      if (bandsFault(wanted) === "" && to !== bands[key]) intents.setBands(node, wanted);
    };
    return setting(canSet, `band-${key}`, cell(1 + row, 0, 1), text, bands[key], BAND_MM, slide);
  });
}

export const tissuePage = whileGuided((guidance, { pointing }, state, { slice }, intents) => {
  const [canTouch, canMove] = [may(state, "register"), may(state, "set_margin")];
  const off = { disabled: !canMove || !isMoved(guidance) };
  return [
    ...movedWords(guidance, cell(0, 0, 1)),
    caption("tissue-words", cell(1, 0, 1), touchingWords(guidance, canTouch, pointing, slice.on)),
    button("retouch", cell(2, 0, 1), "Touch again", () => intents.togglePointing(), { on: pointing, disabled: !canTouch || !slice.on, ...ticked(pointing) }),
    button("move-tissue", cell(3, 0, 2), "Move tissue", () => intents.deform("apply"), { ...off, ...ticked(guidance.moved?.applied === true) }),
    button("put-back", cell(3, 1, 2), "Put back", () => intents.deform("forget"), off),
    back("guide", intents),
  ];
});

/** What comes next where a place is to be touched again. */
function touchingWords({ next }: Guidance, canTouch: boolean, isPointing: boolean, hasSlice: boolean): string {
  if (!canTouch) return "A surgeon or an assistant touches again";
  if (isPointing) return "Press on the slice, at what the tip will touch";
  if (!hasSlice) return "First stand a slice where the tissue is (Slice)";
  return next || "Choose a place of the scan, then rest the tip on it";
}

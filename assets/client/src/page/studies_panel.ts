// What can be opened: studies of the library, and files from this computer.

import type { Actions } from "./actions";
import { element } from "./element";
import { icon } from "./icon";
import { reasonList } from "./reasons";
import { withNames } from "../model/dropped";
import { sentenceCase } from "../model/number_text";
import { isOpen, isSegmentation, isVolume } from "../model/opening";
import { may } from "../model/self";
import type { AppStore, State } from "../model/state";
import type { SeriesMessage, Study } from "../wire/messages";

/** What else is found in studies, as a person would call it. */
const KINDS: Readonly<Record<string, readonly [kind: string, use?: string]>> = {
  labels: ["Segmentation", "shown over its scan"],
  contours: ["Contours", "shown over their scan"],
  localizer: ["Localizer", "no volume"],
  "secondary capture": ["Screen capture", "no volume"],
  unusable: ["Cannot be read as a volume"],
};

/** Modalities too long for their place. */
const BADGES: Readonly<Record<string, string>> = { RTSTRUCT: "RT" };

function badgeText(series: SeriesMessage): string {
  return BADGES[series.modality] ?? (series.modality || (isSegmentation(series) ? "SEG" : "—"));
}

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** "3 Aug 2020" of "2020-08-03"; the same everywhere, whatever the browser's language. */
function dateText(date: string): string {
  const day = new Date(`${date}T00:00:00Z`);
  return Number.isNaN(day.getTime()) ? date : day.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
}

/** What tells one volume from the next: how it lies, how thick and how many its slices are. */
function volumeText(series: SeriesMessage): string {
  const thick = series.spacing_mm[2] > 0 ? `${Number(series.spacing_mm[2].toPrecision(2))} mm` : "";
  const lies = sentenceCase(series.orientation);
  return [lies, thick, plural(series.shape[2], "slice")].filter(Boolean).join(" · ");
}

function phaseSelect(series: SeriesMessage, scene: State["scene"], choose: (phase: number) => void): HTMLElement | null {
  if (!isVolume(series) || series.phases < 2) return null;
  const shown = scene?.opened?.series === series.uid ? scene.opened.phase : 0;
  const options = Array.from({ length: series.phases }, (_, phase) => element("option", { value: phase, selected: phase === shown }, series.phase_names[phase] ?? `Phase ${phase + 1} of ${series.phases}`));
  const select = element("select", { class: "phase", "aria-label": `Phase of ${series.description}`, onchange: () => choose(Number(select.value)) }, ...options);
  return select;
}

function seriesItem(study: Study, series: SeriesMessage, state: State, manyDates: boolean, actions: Actions): HTMLElement {
  const title = series.description || `${series.modality || "Image"} series`;
  const opens = isVolume(series) || isSegmentation(series);
  const open = isOpen(state.scene, study, series);
  const [kind = series.kind, use] = KINDS[series.kind] ?? [];
  const detail = isVolume(series) ? volumeText(series) : [kind, open ? "" : use].filter(Boolean).join(": ");
  const all = `${title}\n${series.shape.join(" × ")} voxels, ${plural(series.files, "file")}${series.date ? `, ${dateText(series.date)}` : ""}`;
  const press = (): void => (isSegmentation(series) ? actions.openSegmentation(study, series) : actions.openScan(study, series.uid, 0));
  return element(
    "li",
    {},
    element(
      "button",
      { class: "series", type: "button", disabled: !opens, "aria-current": open ? "true" : null, title: all, onclick: press },
      element("span", { class: "badge" }, badgeText(series)),
      element("span", { class: "label" }, title),
      element("span", { class: "detail" }, [detail, manyDates && series.date ? dateText(series.date) : "", open ? "open" : ""].filter(Boolean).join(" · ")),
    ),
    phaseSelect(series, state.scene, (phase) => actions.openScan(study, series.uid, phase)),
  );
}

function studyItem(study: Study, state: State, actions: Actions): HTMLElement {
  const dropped = state.dropped[study.id];
  const dates = new Set(study.series.map((series) => series.date).filter(Boolean));
  const name = dropped?.name ?? study.name;
  const remove = element(
    "button",
    {
      class: "quiet",
      type: "button",
      "aria-label": `Remove ${name}`,
      title: study.dropped ? "Remove from the list and delete the copy that was sent" : "Remove from the list; the files stay where they are",
      onclick: () => actions.removeStudy(study),
    },
    icon("close"),
  );
  const date = dates.size === 1 ? element("span", { class: "detail" }, dateText([...dates][0]!)) : null;
  return element(
    "li",
    { class: "study" },
    element("div", { class: "row study-head" }, element("h3", { title: name }, name), date, remove),
    element("ul", {}, ...study.series.map((series) => seriesItem(study, series, state, dates.size > 1, actions))),
    reasonList(withNames(study.problems, dropped), `${plural(study.problems.length, "file")} set aside`),
  );
}

export function createStudiesPanel(store: AppStore, actions: Actions): HTMLElement {
  const list = element("ul", { class: "studies" });
  const empty = element("p", { class: "hint" }, "Drop a folder of DICOM, or a NIfTI or NRRD file, anywhere on this page.");
  const open = element("button", { class: "button wide", type: "button", onclick: () => actions.chooseFiles(true) }, icon("folder"), "Open a folder");
  const file = element("button", { class: "button wide", type: "button", onclick: () => actions.chooseFiles(false) }, "Open files");
  const draw = (): void => {
    const state = store.get();
    const studies = state.library?.studies ?? [];
    // Drawn anew, a list loses the focus of who goes through it by keyboard.
    const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement as HTMLButtonElement);
    list.replaceChildren(...studies.map((study) => studyItem(study, state, actions)));
    if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
    empty.hidden = studies.length > 0;
  };
  for (const part of ["library", "dropped"] as const) store.watch((s) => s[part], draw);
  store.watch((s) => s.scene?.opened ?? null, draw);
  const section = element("section", { class: "panel-section", "aria-label": "Studies" }, element("h2", {}, "Studies"), element("div", { class: "row" }, open, file), empty, list);
  store.watch((s) => may(s, "open"), (can) => (section.hidden = !can));
  return section;
}

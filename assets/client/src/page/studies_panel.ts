// What can be opened: studies of the library, and files from this computer.

import type { Actions } from "./actions";
import { element } from "./element";
import { icon } from "./icon";
import type { AppStore } from "../model/state";
import type { SeriesMessage, Study } from "../wire/messages";

/** Kinds a reader can open as a volume; the others are listed, and say what they are. */
const OPENS = "volume";

function seriesText(series: SeriesMessage): string {
  const [i, j, k] = series.shape;
  const files = series.files === 1 ? "1 file" : `${series.files} files`;
  return `${i} × ${j} × ${k} · ${files}${series.phases > 1 ? ` · ${series.phases} phases` : ""}`;
}

function seriesItem(study: Study, series: SeriesMessage, actions: Actions): HTMLElement {
  const title = series.description || `${series.modality || "Image"} series`;
  const opens = series.kind === OPENS;
  const detail = opens ? seriesText(series) : series.kind;
  return element(
    "li",
    {},
    element(
      "button",
      { class: "series", type: "button", disabled: !opens, onclick: () => actions.openStudy(study, series.uid) },
      element("span", { class: "badge" }, series.modality || "—"),
      element("span", { class: "label" }, title),
      element("span", { class: "detail" }, detail),
    ),
  );
}

function studyItem(study: Study, actions: Actions): HTMLElement {
  const set = study.problems.length;
  const problems = element(
    "details",
    { class: "problems" },
    element("summary", {}, `${set} ${set === 1 ? "file" : "files"} set aside`),
    element("ul", {}, ...study.problems.slice(0, 50).map((p) => element("li", {}, `${p.file}: ${p.reason}`))),
  );
  return element(
    "li",
    { class: "study" },
    element("h3", {}, study.name),
    element("ul", {}, ...study.series.map((series) => seriesItem(study, series, actions))),
    set > 0 ? problems : null,
  );
}

export function createStudiesPanel(store: AppStore, actions: Actions): HTMLElement {
  const list = element("ul", { class: "studies" });
  const empty = element("p", { class: "hint" }, "Drop a folder of DICOM, or a NIfTI or NRRD file, anywhere on this page.");
  const open = element("button", { class: "button wide", type: "button", onclick: () => actions.chooseFiles(true) }, icon("folder"), "Open a folder");
  const file = element("button", { class: "button wide", type: "button", onclick: () => actions.chooseFiles(false) }, "Open files");
  store.watch((s) => s.library, (library) => {
    const studies = library?.studies ?? [];
    list.replaceChildren(...studies.map((study) => studyItem(study, actions)));
    empty.hidden = studies.length > 0;
  });
  return element("section", { class: "panel-section", "aria-label": "Studies" }, element("h2", {}, "Studies"), element("div", { class: "row" }, open, file), empty, list);
}

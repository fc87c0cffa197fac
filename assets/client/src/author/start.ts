// Where authoring begins: drafts to go on with, studies to make a case of, and files to drop.

import type { AuthorStore } from "./state";
import { element } from "../page/element";
import type { DraftListed } from "../wire/author_messages";

export interface StartActions {
  open(draft: string): void;
  create(study: string, series: string): void;
  remove(draft: string): void;
  choose(folder: boolean): void;
}

function when(seconds: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
}

function draftCard(one: DraftListed, actions: StartActions): HTMLElement {
  const state = one.version ? `Published ${one.version}` : one.opening === "failed" ? "Images not made" : "Draft";
  return element("li", { class: "start-card" },
    element("button", { class: "start-open", type: "button", onclick: () => actions.open(one.id) }, element("strong", {}, one.title.trim() || "Untitled case"), element("span", { class: "hint" }, `${one.study} · ${when(one.changed_s)}`)),
    element("span", { class: "badge-text" }, state),
    element("button", { class: "quiet", type: "button", title: "Delete this draft", "aria-label": `Delete the draft “${one.title || "Untitled case"}”`, onclick: () => actions.remove(one.id) }, "×"));
}

export function createStart(store: AuthorStore, actions: StartActions): HTMLElement {
  const root = element("main", { class: "author-start" });
  const draw = (): void => {
    const { drafts, library, uploading } = store.get();
    if (drafts === null || library === null) {
      root.replaceChildren(element("p", { class: "hint", role: "status" }, "Looking for drafts and studies…"));
      return;
    }
    const studies = library.studies.flatMap((study) => study.series.filter(({ kind }) => kind === "volume").map((series) =>
      element("li", { class: "start-card" }, element("button", { class: "start-open", type: "button", onclick: () => actions.create(study.id, series.uid) },
        element("strong", {}, study.name), element("span", { class: "hint" }, [series.modality, series.description, `${series.shape.join(" × ")} voxels`].filter(Boolean).join(" · "))),
        element("span", { class: "badge-text" }, "Make a case"))));
    root.replaceChildren(
      element("div", { class: "start-head" }, element("h1", {}, "Make a case"), element("p", { class: "hint" }, "Open a study, paint what is to be found, ask, try it, publish.")),
      ...(uploading === null ? [] : [element("p", { class: "hint", role: "status" }, "Bringing the study"), element("progress", { max: 1, value: uploading })]),
      ...(studies.length > 0 ? [element("h2", {}, "Studies"), element("ul", { class: "start-list" }, ...studies)] : []),
      element("div", { class: "card empty" }, element("h2", {}, studies.length > 0 ? "Or drop another study here" : "Drop a study here"), element("p", {}, "DICOM, NIfTI, NRRD or MetaImage. Names and dates stay behind: a draft keeps the voxels alone."),
        element("div", { class: "row" }, element("button", { class: "button primary", type: "button", onclick: () => actions.choose(true) }, "Choose a folder"), element("button", { class: "button", type: "button", onclick: () => actions.choose(false) }, "Choose files"))),
      ...(drafts.length > 0 ? [element("h2", {}, "Go on with"), element("ul", { class: "start-list" }, ...drafts.map((one) => draftCard(one, actions)))] : []),
    );
  };
  for (const part of ["drafts", "library", "uploading"] as const) store.watch((s) => s[part], draw);
  return root;
}

// The list of structures: seen or not, how strong, which colour, how large.

import type { Actions } from "./actions";
import { element, setText } from "./element";
import { icon } from "./icon";
import { sentenceCase, volumeText } from "../model/number_text";
import { guessOf } from "../model/moved_tissue";
import { volumeOf } from "../model/scene";
import type { AppStore, State } from "../model/state";
import { isShown, resetStructures, setColour, setOpacity, showAll, surfaces, toggleSolo, toggleVisible } from "../model/structures";
import { select } from "../model/view";
import type { SurfaceNode } from "../wire/messages";

interface Row {
  readonly item: HTMLLIElement;
  readonly name: string;
  /** What edits change. */
  measure(node: SurfaceNode): void;
  update(state: State): void;
}

const hex = (colour: readonly number[]): string => `#${colour.map((c) => c.toString(16).padStart(2, "0")).join("")}`;

function rgb(value: string): [number, number, number] {
  return [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16)) as [number, number, number];
}

function toggle(name: "eye" | "solo", label: string, press: () => void): HTMLButtonElement {
  return element("button", { class: `quiet ${name}`, type: "button", title: label, "aria-label": label, onclick: press }, icon(name));
}

function createRow(store: AppStore, actions: Actions, node: SurfaceNode, spacing: readonly number[] | undefined): Row {
  const { key, name } = node.structure;
  const eye = toggle("eye", `Show ${name}`, () => store.update((s) => toggleVisible(s, key)));
  const solo = toggle("solo", `Show only ${name}`, () => store.update((s) => toggleSolo(s, key)));
  const colour = element("input", {
    type: "color",
    class: "swatch",
    "aria-label": `Colour of ${name}`,
    title: "Colour",
    oninput: () => store.update((s) => setColour(s, key, rgb(colour.value))),
  });
  const opacity = element("input", {
    type: "range",
    min: 0,
    max: 100,
    "aria-label": `Opacity of ${name}`,
    title: "Opacity",
    oninput: () => store.update((s) => setOpacity(s, key, opacity.valueAsNumber / 100)),
  });
  const press = (): void => {
    store.update((s) => select(s, { kind: "structure", key }));
    actions.goTo(key);
  };
  const figure = element("span", { class: "figure" });
  const guess = element("span", { class: "guess", hidden: true }, "guess");
  const title = element("button", { class: "name", type: "button", onclick: press }, element("span", { class: "label", title: name }, name), guess, figure);
  const item = element("li", { class: "structure", "data-key": key }, colour, title, eye, solo, opacity);
  return {
    item,
    name,
    measure(now) {
      setText(figure, volumeText(now, spacing));
      const words = guessOf(now);
      guess.hidden = words === "";
      guess.title = sentenceCase(words);
    },
    update(state) {
      const view = state.structures[key];
      if (view === undefined) return;
      const shown = isShown(state, key);
      const selected = state.selection?.kind === "structure" && state.selection.key === key;
      item.classList.toggle("hidden-structure", !shown);
      item.classList.toggle("selected", selected);
      title.setAttribute("aria-pressed", String(selected));
      eye.setAttribute("aria-pressed", String(shown));
      eye.replaceChildren(icon(shown ? "eye" : "eyeOff"));
      solo.setAttribute("aria-pressed", String(state.solo === key));
      colour.value = hex(view.colour);
      const percent = Math.round(view.opacity * 100);
      if (opacity.valueAsNumber !== percent) opacity.value = String(percent);
      opacity.style.setProperty("--part", `${percent}%`);
      opacity.setAttribute("aria-valuetext", `${percent} percent`);
    },
  };
}

function text(label: string, title: string, press: () => void): HTMLButtonElement {
  return element("button", { class: "text", type: "button", title, onclick: press }, label);
}

export function createStructuresPanel(store: AppStore, actions: Actions): HTMLElement {
  const list = element("ul", { class: "structures", "aria-label": "Structures" });
  const count = element("span", { class: "count" });
  const tools = element(
    "div",
    { class: "row tools" },
    text("Show all", "Show every structure", () => store.update((s) => showAll(s, true))),
    text("Hide all", "Hide every structure", () => store.update((s) => showAll(s, false))),
    text("Defaults", "Colours and opacities as they came", () => store.update(resetStructures)),
  );
  const empty = element("p", { class: "hint" }, "Structures appear here once a study is open.");
  const section = element("section", { class: "panel-section grow", "aria-label": "Structures" }, element("h2", {}, "Structures ", count), tools, empty, list);
  let rows = new Map<string, Row>();
  let shown: string | undefined;
  const update = (): void => {
    for (const row of rows.values()) row.update(store.get());
  };
  // Rows stay while what they stand for does: a hand may be on one of them when somebody edits the scene.
  store.watch((s) => s.scene, (scene) => {
    const nodes = surfaces(scene);
    const spacing = volumeOf(scene)?.spacing_mm;
    const known = scene?.id === shown ? rows : new Map<string, Row>();
    shown = scene?.id;
    rows = new Map(nodes.map((node) => {
      const { key, name } = node.structure;
      const row = known.get(key);
      return [key, row?.name === name ? row : createRow(store, actions, node, spacing)];
    }));
    for (const node of nodes) rows.get(node.structure.key)!.measure(node);
    const items = [...rows.values()].map((row) => row.item);
    if (items.length === list.children.length && items.every((item, n) => item === list.children[n])) return;
    list.replaceChildren(...items);
    setText(count, nodes.length ? String(nodes.length) : "");
    empty.hidden = nodes.length > 0;
    tools.hidden = nodes.length === 0;
    update();
  });
  store.watch((s) => s.structures, update);
  store.watch((s) => s.solo, update);
  store.watch((s) => s.selection, update);
  return section;
}

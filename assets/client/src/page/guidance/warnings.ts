// At which distances from each structure warnings begin.

import { fold, keptRows, whoMay, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { BAND_MM, BANDS, bandsFault } from "../../model/bands";
import type { AppStore } from "../../model/state";
import type { GuidedBands, GuidedStructure } from "../../wire/messages";

export function warnings(store: AppStore, actions: GuidanceActions): Part {
  const list = element("ul", { class: "rows warning-rows" });
  const who = element("p", { class: "hint" });
  const folded = fold("Warnings", [], element("p", { class: "hint" }, "Begin at these distances in mm, once the error is taken off."), who, list);
  const draw = keptRows<GuidedStructure>(list, ({ node }) => node, ({ node }) => warningRow(store, actions, node));
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.structures.length === 0;
      setText(who, whoMay(store, "set_margin"));
      draw(guidance.structures);
    },
  };
}

function warningRow(store: AppStore, { guide }: GuidanceActions, node: string): { readonly element: HTMLElement; draw(structure: GuidedStructure): void } {
  const name = element("legend", {});
  const fault = element("p", { class: "trouble hint", id: `bands-${node}`, role: "alert" });
  let bands: GuidedBands | null = null;
  const inputs = BANDS.map(() => element("input", { class: "value figure", type: "number", step: 0.5, min: BAND_MM.least, max: BAND_MM.most, "aria-describedby": fault.id, onchange: () => ask(), onkeydown: (event) => {
    if (event.key === "Escape") follow();
  } }));
  const typed = (): GuidedBands => Object.fromEntries(BANDS.map(([key], n) => [key, inputs[n]!.valueAsNumber])) as unknown as GuidedBands;
  const say = (words: string): void => {
    setText(fault, words);
    for (const input of inputs) input.setAttribute("aria-invalid", String(words !== ""));
  };
  const ask = (): void => {
    const wanted = typed();
    say(bandsFault(wanted));
    if (fault.textContent === "") guide({ kind: "bands", node, bands: wanted });
  };
  /** As the session has them. */
  const follow = (): void => {
    if (bands === null) return;
    for (const [n, [key]] of BANDS.entries()) inputs[n]!.value = String(bands[key]);
    say("");
  };
  const boxes = BANDS.map(([, word], n) => element("label", {}, element("span", {}, word), inputs[n]!));
  return {
    element: element("li", {}, element("fieldset", { class: "bands" }, name, ...boxes, fault)),
    draw(structure) {
      const isOther = bands === null || BANDS.some(([key]) => structure.bands[key] !== bands![key]);
      bands = structure.bands;
      setText(name, structure.name);
      for (const [n, input] of inputs.entries()) {
        input.setAttribute("aria-label", `${structure.name}, ${BANDS[n]![1].toLowerCase()}, millimetres`);
        input.disabled = whoMay(store, "set_margin") !== "";
      }
      // What is being typed stays until it is sent.
      if (isOther || (fault.textContent === "" && !inputs.some((input) => input === document.activeElement))) follow();
    },
  };
}

// What to do next while measuring or correcting, where the eye is: over the views.

import { element, setText } from "./element";
import type { AppStore, State } from "../model/state";
import { surfaceOf } from "../model/structures";

function words({ view: { tool, pending_mm, radius_mm }, selection, scene }: State): string {
  if (tool === "navigate") return "";
  if (tool === "brush" || tool === "eraser" || tool === "threshold") {
    const chosen = selection?.kind === "structure" ? surfaceOf(scene, selection.key) : null;
    if (!chosen) return "Choose a structure in the list to correct it.";
    const { name } = chosen.structure;
    if (tool === "threshold") return `${name} by value: drag a box on a slice, ${Math.round(2 * radius_mm)} mm deep. Ctrl + Z takes back.`;
    const does = tool === "brush" ? "Painting" : "Erasing";
    return `${does} ${name}, ${Math.round(2 * radius_mm)} mm wide: drag on a slice. Ctrl + Z takes back.`;
  }
  return pending_mm === null ? "Click one end, on a slice or a surface. Enter places it at the crosshair." : "Now the other end. Esc starts over.";
}

export function createMeasureHint(store: AppStore): HTMLElement {
  const hint = element("p", { class: "measure-hint", role: "status", hidden: true });
  const draw = (): void => {
    const text = words(store.get());
    hint.hidden = text === "";
    setText(hint, text);
  };
  store.watch((s) => s.view, draw);
  store.watch((s) => s.selection, draw);
  return hint;
}

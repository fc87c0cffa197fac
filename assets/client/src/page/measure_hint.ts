// What to do next while measuring, where the eye is: over the views.

import { element, setText } from "./element";
import type { AppStore, View } from "../model/state";

function words({ tool, pending_mm }: View): string {
  if (tool !== "measure") return "";
  return pending_mm === null ? "Click one end, on a slice or a surface. Enter places it at the crosshair." : "Now the other end. Esc starts over.";
}

export function createMeasureHint(store: AppStore): HTMLElement {
  const hint = element("p", { class: "measure-hint", role: "status", hidden: true });
  store.watch((s) => s.view, (view) => {
    const text = words(view);
    hint.hidden = text === "";
    setText(hint, text);
  });
  return hint;
}

// The overlay on or off, and for how long it was on; slices that follow the tip; a look at the display.

import { COUNT_EVERY_MS, type GuidanceActions } from "./part";
import { element, setText } from "../element";
import type { AppStore } from "../../model/state";
import { setFollowsTip } from "../../model/view";

export function overlayPart(store: AppStore, { overlayWords, checkDisplay }: GuidanceActions): HTMLElement {
  const time = element("p", { class: "hint" });
  const overlay = element("button", { class: "button", type: "button", title: "Overlay on or off (O)", onclick: () => store.update((s) => ({ ...s, overlayOn: !s.overlayOn })) });
  const follow = element("button", { class: "button", type: "button", title: "Slices follow the tip (F)", onclick: () => store.update((s) => setFollowsTip(s, !s.view.followsTip)) }, "Slices follow tip");
  store.watch((s) => s.overlayOn, (on) => {
    setText(overlay, on ? "Overlay on" : "Overlay off");
    overlay.setAttribute("aria-pressed", String(on));
  });
  store.watch((s) => s.view.followsTip, (on) => follow.setAttribute("aria-pressed", String(on)));
  window.setInterval(() => setText(time, overlayWords()), COUNT_EVERY_MS);
  return element("div", { class: "part" }, element("div", { class: "row" }, overlay, follow), time, element("button", { class: "text", type: "button", onclick: checkDisplay }, "Check this display"));
}

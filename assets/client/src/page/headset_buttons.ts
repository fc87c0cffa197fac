// The way into a headset: two buttons that say in words why they cannot be pressed. They know `xr` by shape only.

import { element, setText } from "./element";
import { icon } from "./icon";
import type { Store } from "../model/store";

export type HeadsetMode = "immersive-vr" | "immersive-ar";

type Answer = { readonly available: true } | { readonly available: false; readonly reason: string };

interface HeadsetState {
  readonly phase: "out" | "entering" | "in";
  readonly mode: HeadsetMode | null;
  readonly vr: Answer | null;
  readonly ar: Answer | null;
  readonly message: string | null;
}

export interface HeadsetEntrance {
  readonly state: Pick<Store<HeadsetState>, "get" | "watch">;
  enter(mode: HeadsetMode): Promise<void>;
  leave(): Promise<void>;
}

const LOOKING = "Looking for a headset.";

export function createHeadsetButtons(entrance: HeadsetEntrance): HTMLElement {
  const reason = element("p", { class: "why", role: "status", id: "headset-why", hidden: true });
  const button = (mode: HeadsetMode, label: string): HTMLButtonElement => {
    const name = mode === "immersive-vr" ? "headset" : "room";
    // aria-disabled, not disabled: it keeps focus and, pressed, says why.
    const press = (): void => {
      const state = entrance.state.get();
      if (state.phase === "in") void entrance.leave();
      else {
        const answer = mode === "immersive-vr" ? state.vr : state.ar;
        if (answer?.available) void entrance.enter(mode);
        else say(answer ? answer.reason : LOOKING);
      }
    };
    return element("button", { class: "tool enter", type: "button", "aria-describedby": "headset-why", onclick: press }, icon(name), element("span", {}, label));
  };
  let timer = 0;
  const say = (text: string): void => {
    setText(reason, text);
    reason.hidden = text === "";
    window.clearTimeout(timer);
    timer = window.setTimeout(() => (reason.hidden = true), 9000);
  };
  const [vr, ar] = [button("immersive-vr", "Enter VR"), button("immersive-ar", "Enter AR")];
  const box = element("div", { class: "entrance", role: "group", "aria-label": "Headset" }, vr, ar, reason);
  const draw = (state: HeadsetState): void => {
    for (const [node, answer, label, mode] of [[vr, state.vr, "Enter VR", "immersive-vr"], [ar, state.ar, "Enter AR", "immersive-ar"]] as const) {
      const can = answer?.available === true;
      const inside = state.phase === "in" && state.mode === mode;
      node.setAttribute("aria-disabled", String(!can));
      node.title = can ? label : answer === null ? LOOKING : answer.reason;
      const text = inside ? "Leave" : state.phase === "entering" && state.mode === mode ? "Entering" : label;
      setText(node.querySelector("span")!, text);
      node.setAttribute("aria-label", text); // its text is not there in a narrow window
    }
    if (state.message) say(state.message);
  };
  entrance.state.watch((state) => state, draw);
  return box;
}

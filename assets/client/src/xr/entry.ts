// The way into the headset on the flat page: two buttons, and in words why one cannot be used.

import type { Availability, HeadsetMode } from "./availability";
import type { Headset, SessionState } from "./headset";

interface Door {
  readonly mode: HeadsetMode;
  readonly id: string;
  readonly text: string;
  readonly offer: (state: SessionState) => Availability | null;
}

const DOORS: readonly Door[] = [
  { mode: "immersive-vr", id: "enter-vr", text: "Enter VR", offer: ({ vr }) => vr },
  { mode: "immersive-ar", id: "enter-ar", text: "Enter AR", offer: ({ ar }) => ar },
];

/**
 * Puts the buttons into `container`, and keeps them true. A button that cannot be used stays reachable by keyboard, and
 * says why when pressed or pointed at. While the headset is on, one button leaves.
 * Classes for the page's style: `enter` on buttons, `enter-why` on the words.
 */
export function mountEntry(container: HTMLElement, headset: Headset): void {
  const why = document.createElement("span");
  why.className = "enter-why";
  why.setAttribute("role", "status");
  const buttons = DOORS.map((door) => createButton(door, headset, why));
  const leave = button("leave-headset", "Leave the headset", () => void headset.leave());
  container.append(...buttons, leave, why);
  headset.state.watch((state) => state, (state) => {
    buttons.forEach((each, index) => showDoor(each, DOORS[index]!, state));
    leave.hidden = state.phase !== "in";
    why.textContent = state.message ?? "";
  });
}

function createButton(door: Door, headset: Headset, why: HTMLElement): HTMLButtonElement {
  return button(door.id, door.text, () => {
    const offer = door.offer(headset.state.get());
    if (offer?.available === false) why.textContent = offer.reason;
    else void headset.enter(door.mode);
  });
}

function button(id: string, text: string, press: () => void): HTMLButtonElement {
  const node = document.createElement("button");
  node.type = "button";
  node.id = id;
  node.className = "enter";
  node.textContent = text;
  node.addEventListener("click", press);
  return node;
}

function showDoor(node: HTMLButtonElement, door: Door, state: SessionState): void {
  const offer = door.offer(state);
  const open = offer?.available === true && state.phase === "out";
  node.hidden = state.phase === "in";
  node.setAttribute("aria-disabled", String(!open));
  node.title = offer === null ? "Looking for a headset" : offer.available ? "" : offer.reason;
}

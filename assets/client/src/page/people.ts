// Who is in the session: letting in, changing roles, sending out. Opened from the bar by those who may.

import { element, setText } from "./element";
import type { AppStore } from "../model/state";
import type { Invitation, Member, RoleName } from "../wire/messages";

/** What the dialog asks of the server. */
export interface PeopleServer {
  invite(role: RoleName): Promise<Invitation>;
  members(): Promise<Member[]>;
  changeRole(id: string, role: RoleName): Promise<unknown>;
  sendOut(id: string): Promise<unknown>;
}

/** What each role is for, in the words of the person who chooses. */
export const ROLES: Readonly<Record<RoleName, string>> = {
  viewer: "Viewer: looks on",
  trainee: "Trainee: looks and marks findings",
  assistant: "Assistant: opens, corrects, registers",
  educator: "Educator: leads, opens, corrects",
  surgeon: "Surgeon: leads, corrects, sets margins",
  device: "Device: sends where tools are",
};
const REFRESH_MS = 2000;

function roleSelect(label: string, chosen: RoleName, changed: (role: RoleName) => void): HTMLSelectElement {
  const options = Object.entries(ROLES).map(([role, text]) => element("option", { value: role, selected: role === chosen }, text));
  const select = element("select", { "aria-label": label, onchange: () => changed(select.value as RoleName) }, ...options);
  return select;
}

export function createPeople(store: AppStore, server: PeopleServer): HTMLDialogElement {
  let role: RoleName = "viewer";
  let until_s = 0;
  let timer = 0;
  const list = element("ul", { class: "people" });
  const shown = element("div", { class: "invitation", hidden: true });
  const left = element("span", { class: "figure" });
  const why = element("p", { class: "trouble", role: "alert" });
  const choose = roleSelect("Role of whom you invite", role, (now) => (role = now));
  const button = element("button", { class: "button primary", type: "button", onclick: () => void invite() }, "Invite");
  const close = element("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
  const inviting = element("div", { class: "row" }, choose, button);
  const dialog = element("dialog", { class: "help people-dialog", "aria-label": "People" }, element("h2", {}, "People in this session"), list, inviting, shown, why, element("div", { class: "row" }, close));

  const may = (action: "invite" | "revoke"): boolean => store.get().self?.may.includes(action) ?? false;
  const trouble = (error: unknown): void => setText(why, error instanceof Error ? error.message : "This could not be done.");
  const act = (done: Promise<unknown>): void => void done.then(refresh, trouble);

  function row(member: Member): HTMLElement {
    const name = `${member.role.charAt(0).toUpperCase()}${member.role.slice(1)}${member.is_you ? " (you)" : ""}`;
    const here = member.connections === 0 ? "not connected" : member.connections === 1 ? "connected" : `${member.connections} windows`;
    const change = may("revoke") && !member.is_you && member.id !== "local";
    return element(
      "li",
      {},
      element("span", {}, name, element("span", { class: "quiet-text" }, ` · ${here}`)),
      change ? roleSelect(`Role of ${name}`, member.role, (now) => act(server.changeRole(member.id, now))) : null,
      change ? element("button", { class: "button", type: "button", onclick: () => act(server.sendOut(member.id)) }, "Send out") : null,
    );
  }

  async function refresh(): Promise<void> {
    const members = await server.members();
    // A list that is being used is not pulled away from under the hand.
    if (!list.contains(document.activeElement)) list.replaceChildren(...members.map(row));
  }

  async function invite(): Promise<void> {
    setText(why, "");
    try {
      const made = await server.invite(role);
      until_s = performance.now() / 1000 + made.seconds;
      shown.replaceChildren(
        element("img", { src: made.qr, alt: "QR code of the invitation", width: 168, height: 168 }),
        element("div", {}, element("p", { class: "digits" }, `${made.code.slice(0, 3)} ${made.code.slice(3)}`), element("p", {}, `One ${made.role} may come in with these digits, or with a camera pointed here.`), left),
      );
      shown.hidden = false;
      tick();
    } catch (error) {
      trouble(error);
    }
  }

  function tick(): void {
    const rest_s = Math.max(0, Math.ceil(until_s - performance.now() / 1000));
    setText(left, rest_s > 0 ? `Valid for ${Math.floor(rest_s / 60)}:${String(rest_s % 60).padStart(2, "0")}` : "Over. Invite again.");
  }

  dialog.addEventListener("close", () => window.clearInterval(timer));
  new MutationObserver(() => {
    if (!dialog.open) return;
    inviting.hidden = !may("invite");
    refresh().catch(trouble);
    window.clearInterval(timer);
    timer = window.setInterval(() => {
      tick();
      refresh().catch(trouble);
    }, REFRESH_MS);
  }).observe(dialog, { attributeFilter: ["open"] });
  return dialog;
}

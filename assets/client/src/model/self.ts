// What this page's user may do. The server decides; this only keeps the page from offering what it would refuse.

import type { State } from "./state";
import type { ActionName } from "../wire/messages";

/** Whether an action is worth offering. Until the server has said who this is, everything looks as it will for most. */
export function may(state: State, action: ActionName): boolean {
  return state.self === null || state.self.may.includes(action);
}

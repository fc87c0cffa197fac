// Whoever comes to a page of the training server is let in: by the secret of an invitation, or by six digits.

import { askForCode } from "./pairing";
import { me, Refused } from "../wire/api";
import { join } from "../wire/training";

/** A secret stands in the fragment, which no server sees; it leaves the address bar at once. */
export async function comeIn(): Promise<void> {
  const secret = new URLSearchParams(location.hash.slice(1)).get("pair");
  if (secret !== null) {
    history.replaceState(null, "", location.pathname + location.search);
    if ((await tryCode(secret)) === null) return;
  }
  const who = await me().catch(() => null);
  if (who !== null && who.role === null) await askForCode(tryCode);
}

/** Why a code does not let in; null once it has. */
async function tryCode(code: string): Promise<string | null> {
  try {
    await join(code);
    return null;
  } catch (error) {
    return error instanceof Refused ? error.failure.summary : "the server does not answer";
  }
}

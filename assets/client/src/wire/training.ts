// The training server (docs/reading.md): readings, their events, feedback, progress.

import { call, Refused } from "./call";
import { Gap, Refusal, type Wire } from "../model/reading/journal";
import type { Invitation, Scene } from "./messages";
import type { AnyEvent, Kept, Learner, NextAsk, Progress, ReadingNow, Told } from "./training_messages";

const ROOT = "/api/training";
const CONFLICT = 409;

/** Lets in whoever shows a code: somebody new, or the same trainee on a second device. */
export const join = (code: string): Promise<null> => call("POST", "/api/join", { code });
/** A code by which another device, a headset, is the same trainee. */
export const secondDevice = (): Promise<Invitation> => call("POST", `${ROOT}/me/device`);
export const erase = (name: string): Promise<null> => call("POST", `${ROOT}/me/erase`, { name });
export const learner = (): Promise<Learner> => call("GET", `${ROOT}/me`);
export const nextReading = (ask: NextAsk): Promise<ReadingNow> => call("POST", `${ROOT}/readings`, ask);
export const readingNow = (id: string): Promise<ReadingNow> => call("GET", `${ROOT}/readings/${id}`);
export const feedback = (id: string): Promise<Told> => call("GET", `${ROOT}/readings/${id}/feedback`);
export const progress = (): Promise<Progress> => call("GET", `${ROOT}/progress`);

/** The scene of a study; null while it is made. */
export async function studyScene(reading: string, volume: string): Promise<Scene | null> {
  try {
    return await call<Scene>("GET", `${ROOT}/readings/${reading}/volumes/${volume}`);
  } catch (error) {
    if (error instanceof Refused && error.status === CONFLICT) return null;
    throw error;
  }
}

/** Sends events; `heard` is told how the reading stands after them. */
export function eventsOf(reading: string, heard: (now: ReadingNow) => void): Wire {
  return {
    async post(events: readonly AnyEvent[]) {
      try {
        const kept = await call<Kept>("POST", `${ROOT}/readings/${reading}/events`, { events });
        heard(kept.reading);
        return kept.next_event;
      } catch (error) {
        if (!(error instanceof Refused) || error.status === null) throw error;
        if (error.status === CONFLICT) throw new Gap((await readingNow(reading)).next_event);
        // Faults of the server pass; what it refuses it will refuse again.
        if (error.status < 500) throw new Refusal(error.failure.summary);
        throw error;
      }
    },
  };
}

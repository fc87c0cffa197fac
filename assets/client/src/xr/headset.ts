// The headset view as the rest of the page sees it: what can be entered, entering, leaving, and a report for tests.

import type { HeadsetMode } from "./availability";
import { loadFont } from "./canvas_text";
import { Feedback } from "./feedback";
import { Room, type Corrections, type RoomReport } from "./room";
import { HeadsetSession, type SessionState } from "./session";
import type { Sight } from "../model/sight";
import type { AppStore } from "../model/state";
import type { Store } from "../model/store";
import type { Stage } from "../three/stage";

export type { HeadsetMode } from "./availability";
export type { SessionState } from "./session";

export interface Headset {
  /** Whether VR and AR can be entered (and why not), and whether one is entered now. */
  readonly state: Store<SessionState>;
  /** Call from a press on the page: browsers demand it. Never throws; a refusal is `state.message`. */
  enter(mode: HeadsetMode): Promise<void>;
  leave(): Promise<void>;
  /** What is going on inside; null outside. Reads only. */
  report(): RoomReport | null;
}

export function createHeadset(stage: Stage, store: AppStore, sights: Store<Sight | null>, corrections: Corrections): Headset {
  const feedback = new Feedback();
  let room: Room | null = null;
  const session = new HeadsetSession(stage.renderer, (entered, mode, hasFloor) => {
    room = new Room(entered, mode, stage, store, sights, feedback, corrections, hasFloor);
    const stop = stage.onFrame((time_s, frame) => frame && room?.step(time_s, frame));
    return {
      dispose() {
        stop();
        room?.dispose();
        room = null;
        feedback.sleep();
        stage.invalidate();
      },
    };
  });
  void loadFont();
  return {
    state: session.state,
    enter: (mode) => {
      feedback.wake();
      return session.enter(mode);
    },
    leave: () => session.leave(),
    report: () => room?.report() ?? null,
  };
}

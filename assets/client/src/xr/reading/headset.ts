// The reading room in the headset, as the page sees it.

import { ReadingWall, type WallReport } from "./wall";
import { loadFont } from "../canvas_text";
import { Feedback } from "../feedback";
import { HeadsetSession, type SessionState } from "../session";
import type { Store } from "../../model/store";
import type { ReadingDesk } from "../../reading/desk";
import type { LoadedStudies } from "../../reading/studies";
import type { Stage } from "../../three/stage";

export interface ReadingHeadset {
  readonly state: Store<SessionState>;
  enter(mode: "immersive-vr"): Promise<void>;
  leave(): Promise<void>;
  report(): WallReport | null;
}

export function createReadingHeadset(stage: Stage, desk: ReadingDesk, studies: LoadedStudies): ReadingHeadset {
  const feedback = new Feedback();
  let wall: ReadingWall | null = null;
  const session = new HeadsetSession(stage.renderer, (entered, _mode, hasFloor) => {
    wall = new ReadingWall(entered, stage, desk, studies, feedback, hasFloor, () => void session.leave());
    const stop = stage.onFrame((time_s, frame) => frame && wall?.step(time_s, frame));
    desk.setWhere("vr", false);
    return {
      dispose() {
        stop();
        wall?.dispose();
        wall = null;
        feedback.sleep();
        desk.setWhere("flat", false);
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
    report: () => wall?.report() ?? null,
  };
}

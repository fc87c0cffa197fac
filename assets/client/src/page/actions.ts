// What the page asks of the rest: given to panels, so that they know neither the server nor three.

import type { GuideAsk, SeriesMessage, Study } from "../wire/messages";
import type { Picked } from "./drop";
import type { PeopleServer } from "./people";
import type { Vec3 } from "../model/affine";

export interface Actions {
  openScan(study: Study, series: string, phase: number): void;
  /** Over the scan that it was drawn on. */
  openSegmentation(study: Study, series: SeriesMessage): void;
  removeStudy(study: Study): void;
  sendFiles(files: readonly Picked[]): void;
  /** Does again what could not be done. */
  tryAgain(): void;
  cancel(): void;
  retryConnection(): void;
  /** Brings the slices to a structure. */
  goTo(key: string): void;
  /** Paints or erases the chosen structure along a way through the patient, one part of a movement. */
  paint(points_mm: readonly Vec3[], movement: string): void;
  /** Makes what lies in the range of values within a box the chosen structure. */
  threshold(from_mm: Vec3, to_mm: Vec3): void;
  /** Takes the latest movement back, or does it again. */
  step(direction: "undo" | "redo"): void;
  /** Asks something of the guidance session. */
  guide(ask: GuideAsk): void;
  /** Whether an alarm would be heard here. */
  isHeard(): boolean;
  /** For how long the overlay was on, in words. */
  overlayTime(): string;
  /** Where that is kept. */
  overlayKept(): string;
  /** A number that was drawn was read back wrong, and taken away. */
  unreadable(count?: number): void;
  /** Who is in the session, and letting others in. */
  readonly people: PeopleServer;
  resetView(): void;
  lookFrom(direction: Vec3): void;
  /** A place to pick files from; `folder` asks for a whole folder. */
  chooseFiles(folder: boolean): void;
}

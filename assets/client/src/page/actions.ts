// What the page asks of the rest: given to panels, so that they know neither the server nor three.

import type { Study } from "../wire/messages";
import type { Vec3 } from "../model/affine";

export interface Actions {
  openStudy(study: Study, series: string | null): void;
  sendFiles(files: readonly File[]): void;
  cancel(): void;
  retryConnection(): void;
  resetView(): void;
  lookFrom(direction: Vec3): void;
  /** A place to pick files from; `folder` asks for a whole folder. */
  chooseFiles(folder: boolean): void;
}

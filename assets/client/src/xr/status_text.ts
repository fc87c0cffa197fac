// What somebody in the headset must know of what goes on outside. Pure.

import { sentenceCase } from "../model/number_text";
import type { State } from "../model/state";

/** A line that is read at a glance; the page has the rest. */
const MOST_LETTERS = 64;

function short(text: string): string {
  return text.length <= MOST_LETTERS ? text : `${text.slice(0, MOST_LETTERS - 1).trimEnd()}…`;
}

const percent = (fraction: number): string => `${Math.round(100 * fraction)} %`;

/** The gravest first; empty where all is as it seems. */
export function statusText(state: State): string {
  const { connection, scene, failure, upload, job, volume } = state;
  if (connection === "lost") return scene ? "Connection lost: what you see may be old" : "Connection lost";
  if (failure) return short(`Not opened: ${failure.summary}`);
  if (upload) return `Sending files, ${percent(upload.fraction)}`;
  if (job) return `${sentenceCase(job.stage || "opening")}, ${percent(job.fraction)}`;
  if (volume.state === "failed") return "The slices could not be brought";
  return "";
}

// Sends files to a new, empty study: several at a time, bytes counted, stopped by a signal.

import { finishUpload, newUpload, putFile } from "./api";
import type { Study } from "./messages";

/** Files on the way at once: hides the round trip of small slices, leaves the line to others. */
const PARALLEL = 4;

export interface UploadProgress {
  readonly sentFiles: number;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** Rejects with `Refused` or an `AbortError`. Names stay here: the server numbers the files. */
export async function uploadStudy(files: readonly File[], progress: (now: UploadProgress) => void, signal: AbortSignal): Promise<Study> {
  const { upload } = await newUpload();
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0);
  const sent = files.map(() => 0);
  let sentFiles = 0;
  let next = 0;
  const report = (): void => progress({ sentFiles, sentBytes: sent.reduce((a, b) => a + b, 0), totalBytes });
  const worker = async (): Promise<void> => {
    while (next < files.length) {
      const number = next++;
      const count = (bytes: number): void => {
        sent[number] = bytes;
        report();
      };
      await putFile(upload, number, files[number]!, count, signal);
      sentFiles += 1;
      count(files[number]!.size);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, files.length) }, worker));
  signal.throwIfAborted();
  return finishUpload(upload);
}

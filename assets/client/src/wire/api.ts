// The server's HTTP side (docs/wire.md). Every refusal becomes a `Refused` with words for the person.

import { call, failureFrom, parsedOrNull, Refused, Unreachable } from "./call";
import type { Invitation, Job, Library, Me, Member, OpenRequest, RoleName, Study } from "./messages";

export { Refused, Unreachable } from "./call";

export const library = (): Promise<Library> => call("GET", "/api/library");
export const me = (): Promise<Me> => call("GET", "/api/me");
export const pair = (code: string): Promise<null> => call("POST", "/api/pair", { code });
export const invite = (role: RoleName): Promise<Invitation> => call("POST", "/api/invitations", { role });
export const members = (): Promise<Member[]> => call("GET", "/api/members");
export const changeRole = (id: string, role: RoleName): Promise<null> => call("PATCH", `/api/members/${id}`, { role });
export const sendOut = (id: string): Promise<null> => call("DELETE", `/api/members/${id}`);
export const startJob = (request: OpenRequest): Promise<Job> => call("POST", "/api/jobs", request);
export const findJob = (id: string): Promise<Job> => call("GET", `/api/jobs/${id}`);
export const cancelJob = (id: string): Promise<Job> => call("DELETE", `/api/jobs/${id}`);
export const newUpload = (): Promise<{ upload: string }> => call("POST", "/api/uploads");
export const removeStudy = (id: string): Promise<null> => call("DELETE", `/api/studies/${id}`);
export const finishUpload = (upload: string): Promise<Study> => call("POST", `/api/uploads/${upload}/finish`);

/** Sends one file's bytes; its name stays here. Calls `sent` with bytes so far. */
export function putFile(upload: string, number: number, file: Blob, sent: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/uploads/${upload}/${number}`);
    request.upload.addEventListener("progress", (event) => sent(event.loaded));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve();
      else reject(new Refused(failureFrom(parsedOrNull(request.responseText), request.status)));
    });
    request.addEventListener("error", () => reject(new Unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) request.abort();
    else request.send(file);
  });
}

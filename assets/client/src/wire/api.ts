// The server's HTTP side (docs/wire.md). Every refusal becomes a `Refused` with words for the person.

import { failureOf } from "../model/dropped";
import type { Failure, Invitation, Job, Library, Me, Member, OpenRequest, RoleName, Study } from "./messages";

/** The server said no, or could not be reached. */
export class Refused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.summary);
  }
}

/** Nobody answered: what was asked for can be asked for again. */
export class Unreachable extends Refused {
  constructor() {
    super(failureOf("The Sightline server does not answer.", "Check that it still runs, then try again."));
  }
}

function failureFrom(body: unknown, status: number): Failure {
  const failure = (body as { error?: Partial<Failure> } | null)?.error;
  const summary = failure?.summary ?? `The server refused this (${status}).`;
  return { ...failureOf(summary), ...failure };
}

/** One request; its answer, or a `Refused`. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  const response = await fetch(path, init).catch(() => {
    throw new Unreachable();
  });
  const text = await response.text();
  const parsed: unknown = text === "" ? null : JSON.parse(text);
  if (!response.ok) throw new Refused(failureFrom(parsed, response.status));
  return parsed as T;
}

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

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

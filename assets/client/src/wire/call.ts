// One request to the server. Every refusal becomes a `Refused` with words for the person.

import { failureOf } from "../model/dropped";
import type { Failure } from "./messages";

/** The server said no (`status`), or could not be reached (null). */
export class Refused extends Error {
  constructor(
    readonly failure: Failure,
    readonly status: number | null = null,
  ) {
    super(failure.summary);
  }
}

/** Nobody answered: what was asked for can be asked for again. */
export class Unreachable extends Refused {
  constructor() {
    super(failureOf("The Sightline server does not answer.", "Check that it still runs, then try again."));
  }
}

export function failureFrom(body: unknown, status: number): Failure {
  const failure = (body as { error?: Partial<Failure> } | null)?.error;
  const summary = failure?.summary ?? `The server refused this (${status}).`;
  return { ...failureOf(summary), ...failure };
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  const response = await fetch(path, init).catch(() => {
    throw new Unreachable();
  });
  const parsed = parsedOrNull(await response.text());
  if (!response.ok) throw new Refused(failureFrom(parsed, response.status), response.status);
  return parsed as T;
}

export function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

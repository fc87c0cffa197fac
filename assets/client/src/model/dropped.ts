// What this page sent: the server knows dropped files by number alone, for their names can hold a patient's.

import type { Failure, ProblemMessage } from "../wire/messages";

/** A folder or files as they were called on this computer, in the order in which they were sent. */
export interface Dropped {
  readonly name: string;
  readonly files: readonly string[];
}

const NUMBERED = /^\d{6}$/;

/** The files under the names they have here. */
export function withNames(problems: readonly ProblemMessage[], dropped: Dropped | undefined): readonly ProblemMessage[] {
  if (dropped === undefined) return problems;
  return problems.map((problem) => ({
    ...problem,
    file: NUMBERED.test(problem.file) ? (dropped.files[Number(problem.file)] ?? problem.file) : problem.file,
  }));
}

export function named(failure: Failure, dropped: Dropped | undefined): Failure {
  return { ...failure, problems: [...withNames(failure.problems, dropped)] };
}

/** A failure that the page itself words. */
export function failureOf(summary: string, remedy: string | null = null): Failure {
  return { summary, problems: [], remedy };
}

export interface Reason {
  readonly reason: string;
  readonly files: readonly string[];
}

/** Problems by what is wrong, the commonest first: a hundred files that fail alike are one line. */
export function reasons(problems: readonly ProblemMessage[]): readonly Reason[] {
  const byReason = new Map<string, string[]>();
  for (const { file, reason } of problems) byReason.set(reason, [...(byReason.get(reason) ?? []), file]);
  return [...byReason].map(([reason, files]) => ({ reason, files })).sort((a, b) => b.files.length - a.files.length);
}

/** How a person calls what they sent: its folder, its one file, or how many there are. */
export function nameOf(paths: readonly string[]): string {
  const tops = new Set(paths.map((path) => path.split("/").filter(Boolean)[0] ?? path));
  if (tops.size === 1) return [...tops][0]!;
  return `${paths.length} files`;
}

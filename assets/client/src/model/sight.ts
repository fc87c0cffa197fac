// What may be shown of a guidance session at one moment: of each tool and each distance whether it is known, of what
// stands on the patient whether it may be drawn. From the scene and the newest readings and poses. Pure.

import { align, type Alignment } from "./alignment";
import type { Vec3 } from "./affine";
import { anatomy, lookOf, tool, worse, badness, type Overlay, type Shown } from "./overlay";
import { placeOf, type Poses, type ToolPlace } from "./poses";
import { isPlaced } from "./freshness";
import { guessedNodes, guessWords } from "./moved_tissue";
import { sentenceCase } from "./number_text";
import type { Reading, ReadingRow, Why } from "../wire/binary";
import type { DeviceState, Guidance, GuidedBands, HeadsetPlace, Scene, TrackedNode, Trajectory } from "../wire/messages";

/** The newest reading of each tool. */
export class Readings {
  private readonly newest = new Map<number, Reading>();

  take(reading: Reading): void {
    const known = this.newest.get(reading.entity);
    if (known === undefined || reading.time_s >= known.time_s) this.newest.set(reading.entity, reading);
  }

  of(entity: number): Reading | undefined {
    return this.newest.get(entity);
  }

  /** Of all tools. */
  latest(): Reading | undefined {
    return [...this.newest.values()].reduce<Reading | undefined>((a, b) => (a === undefined || b.time_s > a.time_s ? b : a), undefined);
  }

  forget(): void {
    this.newest.clear();
  }
}

/** A distance that may be shown. */
export interface KnownDistance {
  readonly distance_mm: number;
  readonly error_mm: number;
  readonly approach_mm_s: number;
  readonly part: "tip" | "shaft";
}

export interface DistanceSight {
  readonly node: string;
  readonly name: string;
  readonly bands: GuidedBands;
  /** 0 clear, 1 near, 2 risk, 3 breach; of what is not known, 0. */
  readonly level: number;
  /** Null where it is not known, and then `words` say why. */
  readonly known: KnownDistance | null;
  readonly words: string;
  /** Measured to where the structure is guessed to have moved. */
  readonly guessed: boolean;
}

export interface ToolSight {
  readonly node: TrackedNode;
  readonly name: string;
  /** The tool itself, by its pose. */
  readonly drawn: Overlay;
  /** Every number that is measured from it, by its reading. */
  readonly told: Overlay;
  /** Why there is no number; empty where there is. */
  readonly words: string;
  readonly place: ToolPlace | null;
  /** Holds the tip in 95 % of cases; null while it is not known. */
  readonly tipError_mm: number | null;
  readonly distances: readonly DistanceSight[];
}

export interface Sight {
  /** The hub's time; null while it is not known. */
  readonly hub_s: number | null;
  readonly anatomy: Overlay;
  /** Whether the patient is seen through what is drawn. */
  readonly overPatient: boolean;
  /** Where the patient lies in this headset, where that was found. */
  readonly headset: HeadsetPlace | null;
  readonly tools: readonly ToolSight[];
  readonly chosen: Trajectory | null;
  /** Of the first tool against the chosen way; null where either is not known. */
  readonly alignment: Alignment | null;
  /** Says that tissue is drawn where it is guessed to be; "" while none is. */
  readonly guess: string;
}

/** Who looks, and how. */
export interface Looker {
  readonly hub_s: number | null;
  readonly member: string | null;
  /** In a see-through headset. */
  readonly seesThrough: boolean;
}

/** Words of what is drawn on the patient: "" where all is well. */
export function anatomyWords({ anatomy: { shown, why }, headset, overPatient }: Sight): string {
  const state = shown === "verified" ? "" : sentenceCase(shown);
  const reason = why === null ? "" : why;
  const told = state && reason ? `${state}: ${reason}` : sentenceCase(reason || state);
  return told || (overPatient && headset?.verified === false ? "Placed by touch, not verified" : "");
}

const DEVICE_WHY: Readonly<Record<DeviceState, Why | null>> = {
  live: null,
  connecting: "the device is silent",
  silent: "the device is silent",
  ended: "the device is silent",
  faulty: "the device reports a fault",
};

/** Null while nothing is guided. */
export function sightOf(scene: Scene | null, readings: Readings, poses: Poses, looker: Looker): Sight | null {
  const guidance = scene?.guidance ?? null;
  if (scene === null || guidance === null) return null;
  const headset = guidance.headsets.find(({ member }) => member === looker.member) ?? null;
  const overPatient = looker.seesThrough && headset !== null;
  const tools = guidance.tools.flatMap(({ node: id, name }) => {
    const node = scene.nodes.find((each) => each.kind === "tracked" && each.id === id);
    return node?.kind === "tracked" ? [toolSight(scene, guidance, node, name, readings, poses, looker, overPatient)] : [];
  });
  const chosen = guidance.trajectories.find(({ id }) => id === guidance.chosen) ?? null;
  const first = tools[0];
  const alignment = chosen && first?.place && lookOf(first.told).hasNumber && lookOf(first.drawn).hasNumber ? align(chosen, first.place.tip_mm, first.place.ahead) : null;
  return { hub_s: looker.hub_s, anatomy: anatomySight(scene, guidance, readings, looker, overPatient, headset), overPatient, headset, tools, chosen, alignment, guess: guessWords(guidance.moved) };
}

/** A registration in force of the same number as what is read. */
function registrationWhy(scene: Scene, guidance: Guidance, reading: Reading | undefined, hub_s: number | null): Why | null {
  const { registration } = scene;
  if (registration === null || guidance.accuracy === null) return "the patient is not registered";
  if (reading !== undefined && reading.epoch !== (scene.registration_epoch & 0xffff)) return "the last place is too old";
  if (!registration.verified) return "the registration was not checked on the patient";
  const { due_s } = guidance.accuracy;
  return due_s !== null && hub_s !== null && hub_s > due_s ? "the registration must be checked again" : null;
}

function anatomySight(scene: Scene, guidance: Guidance, readings: Readings, { hub_s }: Looker, overPatient: boolean, headset: HeadsetPlace | null): Overlay {
  const reading = readings.latest();
  const why = reading?.referenceWhy ?? DEVICE_WHY[guidance.device.state] ?? registrationWhy(scene, guidance, reading, hub_s);
  // On a screen before any registration nothing claims a place, so nothing can grow old.
  const isUnplaced = !overPatient && registrationWhy(scene, guidance, undefined, hub_s) === "the patient is not registered";
  if (isUnplaced) return anatomy({ age_s: 0, speed_mm_s: 0, why: "the patient is not registered", overPatient });
  const shown = anatomy({ age_s: ageOf(reading, hub_s), speed_mm_s: 0, why, overPatient });
  // Where the headset's own touch was not checked, what is drawn serves to check it, and for nothing else.
  const atLeast: Shown = overPatient && headset?.verified === false ? "stale" : "verified";
  if (badness(shown.shown) >= badness(atLeast)) return shown;
  return { shown: worse(shown.shown, atLeast), why: "the registration was not checked on the patient" };
}

const ageOf = (seen: { readonly time_s: number } | undefined, hub_s: number | null): number => (seen === undefined || hub_s === null ? Infinity : Math.max(0, hub_s - seen.time_s));

function toolSight(
  scene: Scene, guidance: Guidance, node: TrackedNode, name: string, readings: Readings, poses: Poses, looker: Looker, overPatient: boolean,
): ToolSight {
  const { hub_s } = looker;
  const [pose, reading] = [poses.of(node.entity), readings.of(node.entity)];
  const speed_mm_s = poses.speed_mm_s(node.entity);
  const registration = registrationWhy(scene, guidance, undefined, hub_s);
  const known = reading?.why ?? reading?.referenceWhy ?? DEVICE_WHY[guidance.device.state] ?? (registration === "the registration must be checked again" ? null : registration);
  const placed = pose !== undefined && isPlaced(pose, scene);
  const why: Why | null = known ?? (pose !== undefined && !pose.isTracked ? "the tool is not tracked" : null);
  const drawn: Overlay = placed ? tool({ age_s: ageOf(pose, hub_s), speed_mm_s, why, overPatient }) : { shown: "hidden", why: why ?? "the tool is not tracked" };
  const told = tool({ age_s: ageOf(reading, hub_s), speed_mm_s, why: why ?? (reading === undefined ? "the device is silent" : null), overPatient: false });
  const matches = reading !== undefined && reading.revision === guidance.revision && reading.epoch === (scene.registration_epoch & 0xffff);
  const isTold = lookOf(told).hasNumber;
  const guessed = guessedNodes(scene);
  const words = isTold ? "" : sentenceCase(told.why ?? "not known");
  return {
    node,
    name,
    drawn,
    told,
    words,
    place: placed ? placeOf(pose, node, scene) : null,
    tipError_mm: isTold && reading !== undefined && reading.tipError_mm > 0 ? reading.tipError_mm : null,
    distances: guidance.structures.map((structure, n) => {
      const row = matches ? reading.rows[n] : undefined;
      return { node: structure.node, name: structure.name, bands: structure.bands, guessed: guessed.has(structure.node), ...distanceOf(row, isTold, words) };
    }),
  };
}

function distanceOf(row: ReadingRow | undefined, isTold: boolean, words: string): Pick<DistanceSight, "known" | "level" | "words"> {
  if (!isTold) return { known: null, level: 0, words };
  if (row === undefined) return { known: null, level: 0, words: "Waiting for the next reading" };
  if (row.why !== null) return { known: null, level: 0, words: sentenceCase(row.why) };
  const { distance_mm, error_mm, approach_mm_s, part, level } = row;
  return { known: { distance_mm, error_mm, approach_mm_s, part }, level, words: "" };
}

/** A structure must be this much nearer to take another's place: a list that dances is not read. */
const STEADY_MM = 1;

/** The most urgent first, then the nearest after its error; what is not known keeps its place. `before` is the last order. */
export function byNearness(distances: readonly DistanceSight[], before: readonly string[]): DistanceSight[] {
  const rank = new Map(before.map((node, n) => [node, n]));
  const all = [...distances].sort((a, b) => (rank.get(a.node) ?? Infinity) - (rank.get(b.node) ?? Infinity) || 0);
  if (all.every(({ known }) => known === null)) return all;
  const least = ({ known }: DistanceSight): number => (known === null ? Infinity : known.distance_mm - known.error_mm);
  // One step of an insertion sort with a threshold: stable, and never more than `STEADY_MM` from the true order.
  for (let n = 1; n < all.length; n += 1) {
    for (let m = n; m > 0 && goesBefore(all[m]!, all[m - 1]!, least); m -= 1) [all[m - 1], all[m]] = [all[m]!, all[m - 1]!];
  }
  return all;
}

function goesBefore(a: DistanceSight, b: DistanceSight, least: (each: DistanceSight) => number): boolean {
  return a.level !== b.level ? a.level > b.level : least(a) < least(b) - STEADY_MM;
}

/** Where the first tool is that is known to be where it is drawn. */
export function tipOf(sight: Sight | null): Vec3 | null {
  const first = sight?.tools.find(({ place, drawn }) => place !== null && lookOf(drawn).hasNumber);
  return first?.place?.tip_mm ?? null;
}

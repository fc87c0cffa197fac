// Binary frames (docs/wire.md): records back to back, each begun by a byte that says what it is. Little endian.

export interface Pose {
  readonly kind: "pose";
  readonly entity: number;
  readonly epoch: number;
  /** When it was measured, on the hub's clock. */
  readonly time_s: number;
  readonly position_mm: readonly [number, number, number];
  /** w, x, y, z. */
  readonly orientation: readonly [number, number, number, number];
  readonly frame: "patient" | "world";
  readonly isTracked: boolean;
  readonly error_mm: number;
}

export interface Beat {
  readonly kind: "beat";
  readonly time_s: number;
  readonly seq: number;
}

export interface Ask {
  readonly kind: "ask";
  readonly sent_s: number;
}

export interface Answer {
  readonly kind: "answer";
  readonly sent_s: number;
  readonly received_s: number;
  readonly answered_s: number;
}

/** Bytes that the next op names. */
export interface Blob {
  readonly kind: "blob";
  readonly sha256: string;
  readonly data: ArrayBuffer;
}

/** Why something is not known; the words are those of `engine.core.unknown.Why`, in its order. */
export const WHYS = [
  "the tool is not tracked",
  "the reference on the patient is not tracked",
  "the last place is too old",
  "the device sends what cannot be",
  "the tool is not calibrated",
  "the patient is not registered",
  "the registration was not checked on the patient",
  "the registration must be checked again",
  "the structure belongs to another scan",
  "the structure is not ready",
  "the device is silent",
  "the device's clock cannot be trusted",
  "the device reports a fault",
] as const;
export type Why = (typeof WHYS)[number];

/** A structure of a reading: a distance, or why there is none. */
export interface ReadingRow {
  readonly why: Why | null;
  /** 0 clear, 1 near, 2 risk, 3 breach. */
  readonly level: number;
  readonly part: "tip" | "shaft";
  readonly distance_mm: number;
  readonly error_mm: number;
  readonly approach_mm_s: number;
  readonly contact_s: number;
  readonly surface_mm: readonly [number, number, number];
}

/** What a tool is from each structure of the guidance of that revision. */
export interface Reading {
  readonly kind: "reading";
  readonly entity: number;
  readonly epoch: number;
  readonly revision: number;
  readonly time_s: number;
  readonly since_s: number;
  readonly tipError_mm: number;
  readonly why: Why | null;
  readonly referenceWhy: Why | null;
  readonly rows: readonly ReadingRow[];
}

export type Received = Pose | Beat | Ask | Answer | Blob | Reading;

/** Bytes of a record by its kind; a blob's follow its head. */
const SIZES: Readonly<Record<number, number>> = { 1: 38, 2: 13, 3: 9, 4: 25, 5: 37, 6: 31 };
const BLOB = 5;
const READING = 6;
const ROW_BYTES = 32;
/** Where a reading says how many rows follow. */
const ROWS_AT = 30;
const SHA_BYTES = 32;
const TRACKED = 1;
const UNIT = 32767;

/** The records of one frame; what is not understood ends it. */
export function decodeRecords(frame: ArrayBuffer): Received[] {
  const view = new DataView(frame);
  const found: Received[] = [];
  for (let at = 0; at < frame.byteLength; ) {
    const kind = view.getUint8(at);
    const head = SIZES[kind];
    if (head === undefined || at + head > frame.byteLength) break;
    const size = head + (kind === BLOB ? view.getUint32(at + 1 + SHA_BYTES, true) : kind === READING ? view.getUint8(at + ROWS_AT) * ROW_BYTES : 0);
    if (at + size > frame.byteLength) break;
    found.push(kind === BLOB ? blob(frame, at, size) : decode(kind, view, at));
    at += size;
  }
  return found;
}

function blob(frame: ArrayBuffer, at: number, size: number): Blob {
  const sha = new Uint8Array(frame, at + 1, SHA_BYTES);
  const sha256 = Array.from(sha, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { kind: "blob", sha256, data: frame.slice(at + SIZES[BLOB]!, at + size) };
}

function decode(kind: number, view: DataView, at: number): Received {
  const time_s = (offset: number): number => Number(view.getBigInt64(at + offset, true)) / 1e6;
  if (kind === 2) return { kind: "beat", time_s: time_s(1), seq: view.getUint32(at + 9, true) };
  if (kind === 3) return { kind: "ask", sent_s: time_s(1) };
  if (kind === 4) return { kind: "answer", sent_s: time_s(1), received_s: time_s(9), answered_s: time_s(17) };
  if (kind === READING) return reading(view, at);
  const flags = view.getUint8(at + 1);
  const float = (offset: number): number => view.getFloat32(at + offset, true);
  const part = (offset: number): number => view.getInt16(at + offset, true) / UNIT;
  return {
    kind: "pose",
    entity: view.getUint16(at + 2, true),
    epoch: view.getUint16(at + 4, true),
    time_s: time_s(6),
    position_mm: [float(14), float(18), float(22)],
    orientation: [part(26), part(28), part(30), part(32)],
    frame: flags >> 4 === 1 ? "world" : "patient",
    isTracked: (flags & TRACKED) !== 0,
    error_mm: float(34),
  };
}

/** 0 is known; a reason that came later than this page is a reason all the same. */
function why(code: number): Why | null {
  return code === 0 ? null : (WHYS[code - 1] ?? "the device reports a fault");
}

function reading(view: DataView, at: number): Reading {
  const time_s = (offset: number): number => Number(view.getBigInt64(at + offset, true)) / 1e6;
  const rows = Array.from({ length: view.getUint8(at + ROWS_AT) }, (_, n) => row(view, at + SIZES[READING]! + n * ROW_BYTES));
  return {
    kind: "reading",
    entity: view.getUint16(at + 2, true),
    epoch: view.getUint16(at + 4, true),
    revision: view.getUint16(at + 6, true),
    time_s: time_s(8),
    since_s: time_s(16),
    tipError_mm: view.getFloat32(at + 24, true),
    why: why(view.getUint8(at + 28)),
    referenceWhy: why(view.getUint8(at + 29)),
    rows,
  };
}

function row(view: DataView, at: number): ReadingRow {
  const float = (n: number): number => view.getFloat32(at + 4 + 4 * n, true);
  return {
    why: why(view.getUint8(at)),
    level: view.getUint8(at + 1),
    part: view.getUint8(at + 2) === 0 ? "tip" : "shaft",
    distance_mm: float(0),
    error_mm: float(1),
    approach_mm_s: float(2),
    contact_s: float(3),
    surface_mm: [float(4), float(5), float(6)],
  };
}

export function encodeAsk(sent_s: number): ArrayBuffer {
  return times(3, [sent_s]);
}

export function encodeAnswer(answer: Answer): ArrayBuffer {
  return times(4, [answer.sent_s, answer.received_s, answer.answered_s]);
}

function times(kind: number, all_s: readonly number[]): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(1 + 8 * all_s.length));
  view.setUint8(0, kind);
  all_s.forEach((time_s, n) => view.setBigInt64(1 + 8 * n, BigInt(Math.round(time_s * 1e6)), true));
  return view.buffer;
}

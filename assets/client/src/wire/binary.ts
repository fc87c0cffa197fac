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

export type Received = Pose | Beat | Ask | Answer | Blob;

/** Bytes of a record by its kind; a blob's follow its head. */
const SIZES: Readonly<Record<number, number>> = { 1: 38, 2: 13, 3: 9, 4: 25, 5: 37 };
const BLOB = 5;
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
    const size = kind === BLOB ? head + view.getUint32(at + 1 + SHA_BYTES, true) : head;
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

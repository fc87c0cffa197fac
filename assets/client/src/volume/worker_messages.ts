// What the page and the volume worker say to each other. Types only.

export type SlabKind = "samples" | "labels";

export interface SlabRequest {
  readonly id: number;
  readonly kind: SlabKind;
  readonly blob: string;
  readonly kStart: number;
  readonly kCount: number;
  readonly shape: readonly [number, number, number];
  readonly reduction: number;
}

/** Labels of a box after an edit. */
export interface BoxRequest {
  readonly id: number;
  readonly kind: "box";
  readonly blob: string;
  readonly start: number;
  readonly bytes: number;
  /** Its bytes of the blob, where they are here already. */
  readonly packed: ArrayBuffer | null;
  readonly count: number;
}

export interface BoxDone {
  readonly id: number;
  readonly ok: true;
  readonly box: Uint8Array<ArrayBuffer>;
}

export interface SlabDone {
  readonly id: number;
  readonly ok: true;
  /** Every voxel, i fastest. */
  readonly full: Int16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  /** The same for the texture: reduced, samples as half floats. */
  readonly texture: {
    readonly kStart: number;
    readonly kCount: number;
    readonly data: Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  };
}

export interface SlabFailed {
  readonly id: number;
  readonly ok: false;
  readonly reason: string;
}

export type SlabReply = SlabDone | BoxDone | SlabFailed;

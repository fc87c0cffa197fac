// Blobs by hash from the page's own host. The browser's cache keeps them: they are immutable.

export class BlobMissing extends Error {}

/** Blobs that came ahead of the op that names them: the latest, until what is drawn needs them no more. */
const MOST_AHEAD = 8;
const ahead = new Map<string, ArrayBuffer>();

export function holdBlob(sha256: string, data: ArrayBuffer): void {
  ahead.set(sha256, data);
  for (const old of [...ahead.keys()].slice(0, -MOST_AHEAD)) ahead.delete(old);
}

/** A blob that came by itself, if it did. */
export function heldBlob(sha256: string): ArrayBuffer | undefined {
  return ahead.get(sha256);
}

/** The bytes of a blob. Rejects with `BlobMissing`, a network `TypeError`, or an `AbortError`. */
export async function fetchBlob(sha256: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const held = heldBlob(sha256);
  if (held) return held;
  const response = await fetch(`/blob/${sha256}`, { signal });
  if (!response.ok) throw new BlobMissing(`blob answered ${response.status}`);
  return response.arrayBuffer();
}

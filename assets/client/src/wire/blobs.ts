// Blobs by hash from the page's own host. The browser's cache keeps them: they are immutable.

export class BlobMissing extends Error {}

/** The bytes of a blob. Rejects with `BlobMissing`, a network `TypeError`, or an `AbortError`. */
export async function fetchBlob(sha256: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(`/blob/${sha256}`, { signal });
  if (!response.ok) throw new BlobMissing(`blob answered ${response.status}`);
  return response.arrayBuffer();
}

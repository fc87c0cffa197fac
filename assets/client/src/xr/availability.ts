// Whether this browser can enter a headset view, and if not, why: in words for the person who wants to.

export type HeadsetMode = "immersive-vr" | "immersive-ar";

export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

const NO_DEVICE: Record<HeadsetMode, string> = {
  "immersive-vr": "No VR headset answers this browser. Open this page in the headset's own browser, or connect one.",
  "immersive-ar": "No see-through headset answers this browser. Open this page in the headset's own browser.",
};

function no(reason: string): Availability {
  return { available: false, reason };
}

/** Asks the browser about one mode. Never throws: what goes wrong is a reason. */
export async function availability(mode: HeadsetMode, host: Window = window): Promise<Availability> {
  if (!host.isSecureContext) {
    return no("A headset opens only secure pages. Start the server with TLS and open its https:// address.");
  }
  const system = (host.navigator as { xr?: XRSystem }).xr;
  if (system === undefined) {
    return no("This browser has no WebXR. Open this page in the headset's own browser, or in Chrome or Edge.");
  }
  try {
    return (await system.isSessionSupported(mode)) ? { available: true } : no(NO_DEVICE[mode]);
  } catch {
    // The specification's only refusal here: a permissions policy (an embedding page) forbids WebXR.
    return no("The page around this one does not allow the headset view. Open this page by itself.");
  }
}

/** Why the browser refused a session that it had offered (DOMException names of `requestSession`). */
const REFUSALS: Readonly<Record<string, string>> = {
  NotAllowedError: "The headset view was not allowed. Press Enter again and choose Allow.",
  SecurityError: "The headset view must start from a press on this page. Press Enter again.",
  InvalidStateError: "A headset view is already open. Leave it first.",
  NotSupportedError: "The headset cannot show this view now. Check that it is on and worn.",
};

export function refusal(error: unknown): string {
  const known = error instanceof DOMException ? REFUSALS[error.name] : undefined;
  return known ?? "The headset view did not start. Check that the headset is on, then press Enter again.";
}

// The authoring side of the server (engine/app/training/author_messages.py).

import { call } from "../wire/call";
import type { ChangeAsk, DraftListed, DraftNow, FlawTold, ItemStatistics, NewDraft, PaintAsk, Published, Saved } from "../wire/author_messages";

const ROOT = "/api/training/author/drafts";

export const drafts = (): Promise<DraftListed[]> => call("GET", ROOT);
export const newDraft = (ask: NewDraft): Promise<DraftNow> => call("POST", ROOT, ask);
export const draftNow = (id: string): Promise<DraftNow> => call("GET", `${ROOT}/${id}`);
export const change = (id: string, ask: ChangeAsk): Promise<Saved> => call("PUT", `${ROOT}/${id}`, ask);
export const paint = (id: string, ask: PaintAsk): Promise<Saved> => call("POST", `${ROOT}/${id}/paint`, ask);
export const undo = (id: string): Promise<Saved> => call("POST", `${ROOT}/${id}/undo`);
export const redo = (id: string): Promise<Saved> => call("POST", `${ROOT}/${id}/redo`);
export const reopen = (id: string): Promise<DraftNow> => call("POST", `${ROOT}/${id}/reopen`);
export const flaws = (id: string): Promise<FlawTold[]> => call("GET", `${ROOT}/${id}/flaws`);
export const trial = (id: string): Promise<Published> => call("POST", `${ROOT}/${id}/trial`);
export const publish = (id: string): Promise<Published> => call("POST", `${ROOT}/${id}/publish`);
export const statistics = (id: string): Promise<ItemStatistics[]> => call("GET", `${ROOT}/${id}/statistics`);
export const deleteDraft = (id: string): Promise<null> => call("DELETE", `${ROOT}/${id}`);

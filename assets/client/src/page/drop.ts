// Files dropped on the page, folders walked through; and the two file pickers.

import { element } from "./element";

/** A file that a person chose, and where it lay in what they chose. */
export interface Picked {
  readonly file: File;
  readonly path: string;
}

/** Files that systems leave in folders: nobody means to open them. */
const isClutter = ({ path }: Picked): boolean => /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini)$/i.test(path);

function entryFile(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A folder reader hands out its entries in parts until a part is empty. */
async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return all;
    all.push(...part);
  }
}

async function filesOf(entry: FileSystemEntry): Promise<Picked[]> {
  if (entry.isFile) return [{ file: await entryFile(entry as FileSystemFileEntry), path: entry.fullPath }];
  const inside = await children(entry as FileSystemDirectoryEntry);
  return (await Promise.all(inside.map(filesOf))).flat();
}

/** Every file of a drop. Entries must be taken before the first await: the list dies with the event. */
export async function droppedFiles(transfer: DataTransfer): Promise<Picked[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return picked(transfer.files);
  return (await Promise.all(entries.map(filesOf))).flat().filter((each) => !isClutter(each));
}

function picked(files: FileList): Picked[] {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })).filter((each) => !isClutter(each));
}

/** Takes drops anywhere on the page; `data-dropping` marks the page while files hover. */
export function acceptDrops(take: (files: Picked[]) => void): void {
  const root = document.documentElement;
  let depth = 0;
  const mark = (change: number): void => {
    depth = Math.max(0, depth + change);
    root.toggleAttribute("data-dropping", depth > 0);
  };
  window.addEventListener("dragenter", () => mark(1));
  window.addEventListener("dragleave", () => mark(-1));
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer) void droppedFiles(event.dataTransfer).then(take);
  });
}

export interface Pickers {
  readonly elements: readonly HTMLInputElement[];
  open(folder: boolean): void;
}

export function createPickers(take: (files: Picked[]) => void): Pickers {
  const picker = (folder: boolean): HTMLInputElement => {
    const input = element("input", {
      type: "file",
      multiple: true,
      hidden: true,
      tabindex: -1,
      "aria-label": folder ? "Folder to open" : "Files to open",
      webkitdirectory: folder,
      onchange: () => {
        if (input.files) take(picked(input.files));
        input.value = "";
      },
    });
    return input;
  };
  const [folder, files] = [picker(true), picker(false)];
  return { elements: [folder, files], open: (whole) => (whole ? folder : files).click() };
}

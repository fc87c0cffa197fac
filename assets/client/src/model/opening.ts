// What can be asked of the server for a series of the list. Pure.

import type { OpenRequest, Scene, SeriesMessage, Study } from "../wire/messages";

const SEGMENTATIONS = new Set(["labels", "contours"]);

export const isVolume = (series: SeriesMessage): boolean => series.kind === "volume";
export const isSegmentation = (series: SeriesMessage): boolean => SEGMENTATIONS.has(series.kind);

/** Segment a scan; without a series, the largest of the study. */
export function forScan(study: Study, series: string | null, phase = 0): OpenRequest {
  return { study: study.id, series, phase, pipeline: null, labels: null };
}

/** An existing segmentation over the scan of its study, or else over the one that is open; null where there is neither. */
export function forSegmentation(study: Study, series: SeriesMessage, scene: Scene | null): OpenRequest | null {
  const labels = { study: study.id, series: series.uid };
  if (study.series.some(isVolume)) return { ...forScan(study, null), labels };
  const opened = scene?.opened;
  return opened ? { ...opened, pipeline: null, labels } : null;
}

/** What a study that was just sent should show: its largest scan, or, where it holds none, its first segmentation. */
export function forStudy(study: Study, scene: Scene | null): OpenRequest | null {
  const segmentation = study.series.find(isSegmentation);
  if (study.series.some(isVolume) || segmentation === undefined) return forScan(study, null);
  return forSegmentation(study, segmentation, scene);
}

/** Whether the series is what the scene shows, as its scan or as what lies over it. */
export function isOpen(scene: Scene | null, study: Study, series: SeriesMessage): boolean {
  const opened = scene?.opened;
  if (!opened) return false;
  const isScan = opened.study === study.id && opened.series === series.uid;
  return isScan || (opened.labels?.study === study.id && opened.labels.series === series.uid);
}

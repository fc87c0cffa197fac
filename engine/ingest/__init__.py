"""Scans in: every format through `engine.ingest.open`, repairs stated, reasons collected per file."""

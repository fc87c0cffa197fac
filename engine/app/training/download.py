"""A file that a browser saves."""

from __future__ import annotations

from fastapi import Response

CSV = "text/csv; charset=utf-8"


def download(data: bytes | str, kind: str, name: str) -> Response:
    """`data` under `name`; `kind` is its media type."""
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

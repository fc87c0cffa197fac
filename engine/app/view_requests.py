"""What a headset asks of the server, from what hands did there."""

from __future__ import annotations

import uuid

import numpy as np

from engine.app.view_scene import matrix_of
from engine.core.array import Float64
from engine.stream.messages import EditRequest, PrepareRequest, Scene, StepRequest, StrokeRequest, SurfaceNode
from engine.xr.brush import Correction, Request, Stroke
from engine.xr.rigid import apply


def edit_request(scene: Scene, correction: Correction) -> EditRequest | None:
    """A correction as the server is asked for it; None for one of a structure that is there no more."""
    request = str(uuid.uuid4())
    if isinstance(correction, Stroke):
        return _stroke_request(scene, correction, request)
    if correction is Request.PREPARE:
        return PrepareRequest(request=request, scene=scene.id)
    direction = "undo" if correction is Request.UNDO else "redo"
    return StepRequest.model_validate({"request": request, "scene": scene.id, "direction": direction})


def _stroke_request(scene: Scene, stroke: Stroke, request: str) -> StrokeRequest | None:
    keys = [node.structure.key for node in scene.nodes if isinstance(node, SurfaceNode) and node.id == stroke.structure]
    if not keys:
        return None
    patient_from_headset: Float64 = np.linalg.inv(matrix_of(scene.headset_from_patient)).astype(np.float64)
    mm_per_metre = float(np.linalg.norm(patient_from_headset[:3, 0]))
    return StrokeRequest(
        request=request,
        scene=scene.id,
        tool=stroke.doing.value,
        key=keys[0],
        points_mm=tuple(tuple(apply(patient_from_headset, point).tolist()) for point in stroke.points_m),
        radius_mm=mm_per_metre * stroke.radius_m,
        values=stroke.values,
        movement=stroke.movement,
    )

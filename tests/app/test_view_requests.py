"""What a headset asks of the server."""

from __future__ import annotations

import numpy as np
import pytest

from engine.app.view_requests import edit_request
from engine.stream.codec import headset_from_patient, row_major
from engine.stream.messages import PrepareRequest, StepRequest, StrokeRequest
from engine.xr.brush import Doing, Request, Stroke
from tests.stream.scenes import scene

CENTRE_MM = (10.0, -20.0, 30.0)
SCENE = scene("bone", "liver").model_copy(update={"headset_from_patient": row_major(headset_from_patient(CENTRE_MM))})


@pytest.mark.parametrize(("doing", "tool"), [(Doing.PAINT, "brush"), (Doing.ERASE, "eraser")])
def test_a_stroke_is_asked_for_where_it_was_drawn_in_the_patients_millimetres(doing: Doing, tool: str) -> None:
    # The anatomy's own frame: left, up, towards the eyes of who stands before it.
    points_m = np.array([[0.0, 0.0, 0.0], [0.001, 0.002, 0.003]])
    request = edit_request(SCENE, Stroke("liver", doing, points_m, 0.006, "one movement"))
    assert isinstance(request, StrokeRequest)
    assert (request.scene, request.key, request.tool, request.movement) == ("scene", "liver", tool, "one movement")
    assert request.radius_mm == pytest.approx(6.0)
    np.testing.assert_allclose(request.points_mm, [(10, -20, 30), (11, -23, 32)], atol=1e-9)


def test_a_box_is_asked_for_with_its_corners_and_the_values_that_it_takes() -> None:
    corners_m = np.array([[0.0, 0.0, 0.0], [0.01, 0.01, 0.01]])
    request = edit_request(SCENE, Stroke("liver", Doing.BY_VALUE, corners_m, 0.0, "m", (-20.0, 180.0)))
    assert isinstance(request, StrokeRequest)
    assert (request.tool, request.values, request.radius_mm) == ("threshold", (-20.0, 180.0), 0.0)
    np.testing.assert_allclose(request.points_mm, [(10, -20, 30), (20, -30, 40)], atol=1e-9)


def test_a_stroke_on_what_is_there_no_more_is_not_asked_for() -> None:
    assert edit_request(SCENE, Stroke("spleen", Doing.PAINT, np.zeros((1, 3)), 0.006, "m")) is None


def test_the_rest_is_asked_for_by_name() -> None:
    assert isinstance(edit_request(SCENE, Request.PREPARE), PrepareRequest)
    for request in (Request.UNDO, Request.REDO):
        asked = edit_request(SCENE, request)
        assert isinstance(asked, StepRequest)
        assert asked.direction == request.value

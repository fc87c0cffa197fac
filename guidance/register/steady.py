"""Did the patient lie still while landmarks were touched?

A patient who moves against the reference spoils a registration unseen: navigation was recalled for it (StealthStation
S7, automatic registration for deep brain stimulation). What can be seen is looked at: the reference while each landmark
was touched, and the first landmark, touched again at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.core.transform import Transform
from guidance.register.fiducial_error import FiducialError
from guidance.register.registration import Doubt, RegistrationRefused
from guidance.register.touch import Touch
from guidance.track.sample import Sample
from guidance.uncertainty.point_error import PointError

#: A reference that moves more than this while a landmark is touched is being pushed, or its holder swings.
MOST_MOVED_MM = 2.0
#: The reference is seen in at least this share of the samples of a touch.
LEAST_SEEN = 0.9
#: The first landmark comes back within what two touches differ by, in 999 of 1000 cases.
_LEVEL = 0.999


def refuse_motion(touches: Sequence[Touch], again: Touch, reference: Sequence[Sample], fiducial: FiducialError) -> None:
    """Let touches pass, or say what moved. `again` is the first landmark, touched once more after the last.

    Raises:
        RegistrationRefused: the reference was hidden or moved, or the first landmark is no longer where it was.
    """
    for number, touch in enumerate((*touches, again), start=1):
        name = f"landmark {number}" if number <= len(touches) else "the first landmark, again,"
        during = [one for one in reference if touch.start_s <= one.time_s <= touch.end_s]
        places = [one.world_from_thing.matrix[:3, 3] for one in during if isinstance(one.world_from_thing, Transform)]
        if not during or len(places) < LEAST_SEEN * len(during):
            raise RegistrationRefused(
                Doubt.MOVED, f"the reference was hidden while {name} was touched: see that the camera sees it"
            )
        moved_mm = float(np.linalg.norm(np.ptp(places, axis=0)))
        if moved_mm > MOST_MOVED_MM:
            raise RegistrationRefused(
                Doubt.MOVED, f"the reference moved by {moved_mm:.1f} mm while {name} was touched: touch it again"
            )
    apart_mm = float(np.linalg.norm(again.at_mm - touches[0].at_mm))
    usual_mm = PointError(2 * fiducial.covariance_mm2, fiducial.degrees).radius_mm(_LEVEL)
    if apart_mm > usual_mm:
        raise RegistrationRefused(
            Doubt.MOVED,
            f"the first landmark has moved by {apart_mm:.1f} mm against the reference: the patient moved; begin again",
        )

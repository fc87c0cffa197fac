"""A grade as a platform is told of it (Assignment and Grade Services 2.0, section 3.4)."""

from __future__ import annotations

import datetime
import json
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

#: What is posted is of this kind.
KIND = "application/vnd.ims.lis.v1.score+json"
#: Grades are shares of so much.
MAXIMUM = 100

#: Completed: nothing more comes. Submitted: there is a grade, and there may be another.
Activity = Literal["Submitted", "Completed"]


def score(subject: str, share: float, activity: Activity, at_s: float) -> bytes:
    """The message. A platform takes none whose time is not later than that of the last.

    Raises:
        ValueError: `share` is not from 0 to 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share is from 0 to 1, not {share}")
    message = {
        "userId": subject,
        "scoreGiven": round(MAXIMUM * share, 2),
        "scoreMaximum": MAXIMUM,
        "activityProgress": activity,
        "gradingProgress": "FullyGraded",
        "timestamp": datetime.datetime.fromtimestamp(at_s, datetime.UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps(message, allow_nan=False).encode()


def scores_of(line_item: str) -> str:
    """Where scores of a line item are posted: its path and `/scores`; what is asked after `?` stays."""
    url = urlsplit(line_item)
    return urlunsplit(url._replace(path=f"{url.path.rstrip('/')}/scores"))

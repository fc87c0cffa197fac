"""Touches of an artefact with known errors, and a hand that makes them."""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from guidance.accuracy.artefact import POSTS, Artefact
from guidance.accuracy.heard import Movement, Rest, movement
from guidance.accuracy.operator import POINTER, REFERENCE, Flaws, Operator, Visit, protocol
from guidance.accuracy.position import Measured, measured
from guidance.devices.simulated import Fault, Scenario, played
from guidance.register.rigid_fit import turn

TURNED = turn(np.array([0.4, -0.2, 0.7]))
MOVED_MM = np.array([60.0, -40.0, -900.0])
ROUND_S = 60.0


def rest(at_mm: Float64, start_s: float, end_s: float) -> Rest:
    """One still touch, with its samples all alike."""
    samples = np.tile(at_mm, (10, 1))
    return Rest(at_mm, samples, np.zeros((10, 3)), start_s, end_s)


def touches(
    rng: np.random.Generator,
    *,
    artefact: Artefact = POSTS,
    rounds: int = 3,
    single: int = 20,
    noise_mm: float = 0.08,
    scale: float = 0.0,
    drift_mm_s: float = 0.0,
    bent_mm: dict[int, Float64] | None = None,
) -> tuple[Measured, ...]:
    """A single-point series and a tour of all divots, with a normal error along each axis."""
    order = [artefact.middle] * single + list(range(len(artefact.names))) * rounds
    rests = []
    for n, divot in enumerate(order):
        at = artefact.divots_mm[divot] + (bent_mm or {}).get(divot, 0.0) + rng.normal(size=3) * noise_mm
        seen = (1 + scale) * (TURNED @ at + MOVED_MM) + np.array([drift_mm_s * 3.0 * n, 0.0, 0.0])
        rests.append(rest(seen, 3.0 * n, 3.0 * n + 2.0))
    return measured(rests, order, artefact)


def movement_of(
    *,
    seed: int = 0,
    visits: tuple[Visit, ...] | None = None,
    hz: float = 12.0,
    flaws: Flaws | None = None,
    faults: tuple[Fault, ...] = (),
    artefact: Artefact = POSTS,
) -> Movement:
    """What a simulated tracker says of a hand that follows the protocol."""
    chosen = visits if visits is not None else protocol(artefact, single=6, rounds=1)
    operator = Operator(artefact, chosen, np.random.default_rng(seed), flaws)
    arrivals = played(Scenario(hz=hz, seed=seed, faults=faults), operator, operator.until_s)
    heard = [arrival.sample for arrival in arrivals]
    return movement([one for one in heard if one.thing == POINTER], [one for one in heard if one.thing == REFERENCE])

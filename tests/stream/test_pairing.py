"""Letting in: once, soon, in the role that was offered; and guessing leads nowhere."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stream.pairing import (
    MOST_OFFERS,
    MOST_WRONG,
    MOST_WRONG_PER_SOURCE,
    OFFER_S,
    WINDOW_S,
    Grant,
    PairingDesk,
    Refusal,
)
from engine.stream.roles import Role


def desk(seed: int = 0) -> PairingDesk:
    return PairingDesk(random.Random(seed).randbytes)


def let_in(pairing: PairingDesk, role: Role = Role.VIEWER, now_s: float = 0.0) -> Grant:
    grant = pairing.redeem(pairing.offer(role, now_s).code, "10.0.0.2", now_s)
    assert isinstance(grant, Grant)
    return grant


@pytest.mark.parametrize("by", ["code", "secret"])
@pytest.mark.parametrize("role", list(Role))
def test_digits_and_qr_code_let_in_once_in_the_role_that_was_offered(by: str, role: Role) -> None:
    pairing = desk()
    offer = pairing.offer(role, 0.0)
    assert len(offer.code) == 6
    assert offer.code.isdigit()
    grant = pairing.redeem(getattr(offer, by), "10.0.0.2", 1.0)
    assert isinstance(grant, Grant)
    assert pairing.role_of(grant.token, 2.0) == (grant.id, role)
    for again in (offer.code, offer.secret):
        assert pairing.redeem(again, "10.0.0.2", 2.0) is Refusal.WRONG


def test_digits_typed_with_a_space_are_the_same_digits() -> None:
    pairing = desk()
    code = pairing.offer(Role.VIEWER, 0.0).code
    assert isinstance(pairing.redeem(f" {code[:3]} {code[3:]} ", "10.0.0.2", 1.0), Grant)


@given(st.floats(0, 1e9), st.floats(0, 2 * OFFER_S))
def test_an_offer_stands_for_its_time_and_no_longer(start_s: float, later_s: float) -> None:
    pairing = desk()
    offer = pairing.offer(Role.VIEWER, start_s)
    now_s = start_s + later_s
    got = pairing.redeem(offer.code, "10.0.0.2", now_s)
    assert isinstance(got, Grant) == (now_s < offer.until_s)


def test_a_source_that_is_wrong_too_often_waits_even_with_the_right_code_and_others_do_not() -> None:
    pairing = desk()
    offer = pairing.offer(Role.VIEWER, 0.0)
    for _ in range(MOST_WRONG_PER_SOURCE):
        assert pairing.redeem("nonsense", "10.0.0.66", 1.0) is Refusal.WRONG
    assert pairing.redeem(offer.code, "10.0.0.66", 2.0) is Refusal.SLOW_DOWN
    assert isinstance(pairing.redeem(offer.code, "10.0.0.2", 2.0), Grant)
    later = pairing.offer(Role.VIEWER, 3.0)
    assert isinstance(pairing.redeem(later.code, "10.0.0.66", 1.0 + WINDOW_S), Grant)


def test_guessing_from_many_places_withdraws_every_offer() -> None:
    pairing = desk()
    offers = [pairing.offer(Role.SURGEON, 0.0) for _ in range(3)]
    for n in range(MOST_WRONG):
        pairing.redeem("000000x", f"10.0.1.{n}", 1.0)
    assert all(pairing.redeem(offer.code, "10.0.0.2", 2.0) is Refusal.WRONG for offer in offers)
    let_in(pairing, now_s=3.0)


def test_a_guesser_with_all_the_time_of_an_offer_gets_in_less_than_once_in_a_thousand() -> None:
    rng = random.Random(1)
    found = 0
    for seed in range(500):
        pairing = desk(seed)
        pairing.offer(Role.SURGEON, 0.0)
        for second in range(int(OFFER_S)):
            guess = f"{rng.randrange(10**6):06d}"
            found += isinstance(pairing.redeem(guess, f"10.{rng.randrange(250)}.0.1", float(second)), Grant)
    assert found <= 1


def test_a_revoked_token_opens_nothing_and_others_stay() -> None:
    pairing = desk()
    one, other = let_in(pairing), let_in(pairing, Role.TRAINEE)
    assert pairing.revoke(one.id)
    assert not pairing.revoke(one.id)
    assert pairing.role_of(one.token, 2.0) is None
    assert pairing.role_of(other.token, 2.0) == (other.id, Role.TRAINEE)


def test_a_changed_role_holds_for_the_token_that_was_given_before() -> None:
    pairing = desk()
    grant = let_in(pairing)
    assert pairing.change_role(grant.id, Role.ASSISTANT)
    assert pairing.role_of(grant.token, 2.0) == (grant.id, Role.ASSISTANT)
    assert not pairing.change_role("nobody", Role.SURGEON)


def test_the_oldest_offer_goes_where_there_are_too_many() -> None:
    pairing = desk()
    offers = [pairing.offer(Role.VIEWER, 0.0) for _ in range(MOST_OFFERS + 1)]
    assert pairing.redeem(offers[0].code, "10.0.0.2", 1.0) is Refusal.WRONG
    assert isinstance(pairing.redeem(offers[-1].code, "10.0.0.2", 1.0), Grant)


@given(st.text(st.characters(), max_size=80) | st.just("\ud800"))
def test_any_text_is_a_wrong_code_and_nothing_worse(text: str) -> None:
    pairing = desk()
    pairing.offer(Role.VIEWER, 0.0)
    assert pairing.redeem(text, "10.0.0.2", 1.0) is Refusal.WRONG
    assert pairing.role_of(text, 2.0) is None

"""Slots: each kind of credential, wrong ones, changed ones, and costs outside of policy."""

import struct

import pytest

from docstopd import errors
from docstopd.crypto import slot
from docstopd.model import SlotKind

USER, SLOT, PEPPER, USER_KEY = b"u" * 16, b"s" * 16, b"p" * 32, b"k" * 32
CHEAP = slot.Cost(19 * 1024, 1, 1)
KINDS = [SlotKind.PASSWORD, SlotKind.APP_PASSWORD, SlotKind.RECOVERY_CODE]
CODE = b"c" * 20


def made(kind: SlotKind = SlotKind.APP_PASSWORD, credential: bytes = CODE) -> bytes:
    return slot.make(kind, credential, USER_KEY, user=USER, slot=SLOT, pepper=PEPPER, cost=CHEAP)


def opened(data, credential=CODE, user=USER, where=SLOT, pepper=PEPPER) -> bytes:
    return slot.open(data, credential, user=user, slot=where, pepper=pepper)


@pytest.mark.parametrize("kind", KINDS)
def test_the_credential_opens_its_slot(kind):
    """123 bytes, whatever the kind."""
    data = made(kind)
    assert len(data) == 123
    assert opened(data) == USER_KEY


@pytest.mark.parametrize("kind", KINDS)
def test_a_slot_answers_to_one_credential_user_slot_and_pepper(kind):
    """None of them can be told from a wrong credential."""
    data = made(kind)
    with pytest.raises(errors.Unauthenticated):
        opened(data, credential=b"d" * 20)
    with pytest.raises(errors.Unauthenticated):
        opened(data, user=b"v" * 16)
    with pytest.raises(errors.Unauthenticated):
        opened(data, where=b"t" * 16)
    with pytest.raises(errors.Unauthenticated):
        opened(data, pepper=b"q" * 32)


def test_a_slot_of_one_kind_is_none_of_another():
    """A stored password slot cannot be turned into one that is cheap to guess at."""
    data = bytearray(made(SlotKind.APP_PASSWORD))
    data[1] = 3
    with pytest.raises(errors.Unauthenticated):
        opened(data)


def test_no_changed_slot_opens():
    """What the credential depends on looks like a wrong one; the rest is damage."""
    data = made()
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((errors.Unauthenticated, errors.Damaged, errors.Incompatible)):
            opened(changed)
    for size in range(len(data)):
        with pytest.raises(errors.Damaged):
            opened(data[:size])


def test_the_right_credential_on_a_damaged_slot_is_damage_and_no_wrong_password():
    """Who typed the right password should not be told to try again."""
    data = bytearray(made(SlotKind.PASSWORD))
    data[-1] ^= 1
    with pytest.raises(errors.Damaged):
        opened(data)


def test_the_commitment_is_compared_before_anything_is_opened():
    """With both wrong, the credential is what counts."""
    data = bytearray(made(SlotKind.PASSWORD))
    data[-1] ^= 1
    with pytest.raises(errors.Unauthenticated):
        opened(data, credential=b"wrong")


@pytest.mark.parametrize(
    "cost",
    [
        (0, 0, 0),
        (19 * 1024 - 1, 3, 1),
        (1024 * 1024 + 1, 3, 1),
        (100 * 1024 * 1024, 3, 1),
        (65536, 0, 1),
        (65536, 65, 1),
        (65536, 2**32 - 1, 1),
        (65536, 3, 0),
        (65536, 3, 17),
    ],
)
def test_a_slot_cannot_ask_for_any_cost_it_likes(cost):
    """Neither for all memory nor for none, when it is read and when it is made."""
    data = bytearray(made(SlotKind.PASSWORD))
    data[18:30] = struct.pack(">III", *cost)
    with pytest.raises(errors.Incompatible):
        opened(data)
    with pytest.raises(errors.Incompatible):
        slot.make(SlotKind.PASSWORD, b"x", USER_KEY, user=USER, slot=SLOT, pepper=PEPPER, cost=slot.Cost(*cost))


def test_a_random_credentials_slot_has_no_cost():
    """It would be ignored; so it must not be there."""
    data = bytearray(made())
    data[18:30] = struct.pack(">III", 65536, 3, 1)
    with pytest.raises(errors.Incompatible):
        opened(data)


def test_two_slots_of_one_credential_have_nothing_in_common():
    """The salt is random."""
    assert made()[2:18] != made()[2:18]
    assert made()[30:62] != made()[30:62]


def test_the_organisation_has_no_slot():
    """Its way in is sealed to its public key."""
    with pytest.raises(ValueError, match="slot"):
        made(SlotKind.ORGANISATION)


def test_keys_of_another_length_are_refused():
    """A pepper that is too short would be no pepper."""
    with pytest.raises(ValueError, match="pepper"):
        slot.make(SlotKind.APP_PASSWORD, CODE, USER_KEY, user=USER, slot=SLOT, pepper=b"")
    with pytest.raises(ValueError, match="user key"):
        slot.make(SlotKind.APP_PASSWORD, CODE, b"short", user=USER, slot=SLOT, pepper=PEPPER)


def test_an_unknown_user_costs_what_a_known_one_does():
    """The same function runs with the same cost; wall time differs only by noise."""
    import time

    data = made(SlotKind.PASSWORD)

    def least(call) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    def wrong() -> None:
        with pytest.raises(errors.Unauthenticated):
            opened(data, credential=b"wrong")

    assert 0.3 < least(lambda: slot.dummy(b"wrong", PEPPER, CHEAP)) / least(wrong) < 3


def test_the_parameters_are_as_written():
    """30 bytes at the slot's beginning."""
    params = slot.SlotParams.decode(made(SlotKind.PASSWORD))
    assert params.kind is SlotKind.PASSWORD
    assert params.cost == CHEAP
    assert len(params.encode()) == 30

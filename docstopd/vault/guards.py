"""Whether a request's conditions hold (`Guard`): `If` of RFC 4918 section 10.4, the others of RFC 9110 section 13."""

from dataclasses import dataclass

from docstopd.db import Rows
from docstopd.errors import NotFound, PreconditionFailed
from docstopd.keyring import Keyring
from docstopd.model import SECOND, Guard, Micros, SpacePath, StateList, StateTest
from docstopd.vault import locking, naming
from docstopd.vault.opening import open_space
from docstopd.vault.past import lookup
from docstopd.vault.session import Session
from docstopd.vault.tree import Tree, etag
from docstopd.vault.view import View


@dataclass(frozen=True, slots=True)
class _State:
    """What conditions are about: a resource's etag and date, None when it is not there, and the locks on it."""

    etag: str | None
    modified: Micros | None
    tokens: frozenset[str]


_NOTHING = _State(None, None, frozenset())


def check(rows: Rows, keyring: Keyring, session: Session, path: SpacePath, guard: Guard, now: Micros) -> None:
    """Raises `PreconditionFailed` unless every condition holds for the resource at `path`."""
    if guard.lists is not None:
        states: dict[SpacePath, _State] = {}
        for group in guard.lists:
            if group.path is not None and group.path not in states:
                states[group.path] = _state(rows, keyring, session, group.path, now)
        if not any(_holds(group, states) for group in guard.lists):
            raise PreconditionFailed("none of the lists of If holds")
    if guard.if_match is None and guard.if_none_match is None and guard.if_unmodified_since is None:
        return
    _check_http(_state(rows, keyring, session, path, now), guard)


def _state(rows: Rows, keyring: Keyring, session: Session, path: SpacePath, now: Micros) -> _State:
    if not path:
        return _NOTHING
    try:
        opened = open_space(rows, keyring, session, path[0])
        tree = Tree(rows, opened)
        if naming.is_past(path):
            node = lookup.find(View(rows, opened, tree), naming.normal_path(path)).node
            return _State(node.etag, node.modified, frozenset())
    except NotFound:
        return _NOTHING
    chain = tree.walk(naming.normal_path(path)[1:])
    if len(chain) != len(path):
        inherited = locking.covering_member(rows, chain, now)
        return _State(None, None, frozenset(lock.token for lock in inherited))
    found = locking.covering(rows, chain, now)
    return _State(etag(chain[-1]), chain[-1].modified, frozenset(lock.token for lock in found))


def _holds(group: StateList, states: dict[SpacePath, _State]) -> bool:
    state = _NOTHING if group.path is None else states[group.path]
    return all(_test(test, state) for test in group.tests)


def _test(test: StateTest, state: _State) -> bool:
    holds = test.token in state.tokens if test.token is not None else test.etag == state.etag
    return holds is not test.negated


def _check_http(state: _State, guard: Guard) -> None:
    if guard.if_match is not None:
        if state.etag is None or (guard.if_match != ("*",) and state.etag not in guard.if_match):
            raise PreconditionFailed("If-Match does not hold")
    elif (
        guard.if_unmodified_since is not None
        and state.modified is not None
        and state.modified // SECOND > guard.if_unmodified_since // SECOND
    ):
        raise PreconditionFailed("If-Unmodified-Since does not hold")
    refused = guard.if_none_match or ()
    if state.etag is not None and (refused == ("*",) or state.etag in refused):
        raise PreconditionFailed("If-None-Match does not hold")

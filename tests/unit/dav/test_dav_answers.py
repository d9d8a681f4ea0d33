"""Answers that are given again: always those that a service without memory would give, and never another caller's."""

import base64
import gc
import io
import re
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaults import PASSWORD, Bench, open_bench

from docstopd.dav import DavApplication, Settings
from docstopd.dav.answer import Answer
from docstopd.errors import NotFound
from docstopd.model import MemberRole
from docstopd.vault import Policy

PROPERTIES = {
    "few": "<D:prop><D:resourcetype/><D:getcontentlength/><D:getlastmodified/><D:getetag/></D:prop>",
    "dead": '<D:prop><x:a xmlns:x="urn:x"/><D:getetag/></D:prop>',
    "all": "",
    "names": "<D:propname/>",
    "space": "<D:prop><D:quota-used-bytes/><D:quota-available-bytes/><D:sync-token/><D:getetag/></D:prop>",
    "role": "<D:prop><D:current-user-privilege-set/><D:displayname/></D:prop>",
    "locks": "<D:prop><D:lockdiscovery/></D:prop>",
}


@dataclass
class Front:
    """The WebDAV front of one process, asked without a wire."""

    bench: Bench
    user: str = "ada"
    status: str = ""

    def __post_init__(self) -> None:
        self._application = DavApplication(self.bench.vault, Settings())

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The body of an answer; `status` afterwards is its status."""
        credential = base64.b64encode(f"{self.user}:{PASSWORD}".encode()).decode()
        environ = {
            "REQUEST_METHOD": method,
            "REQUEST_URI": f"/dav/{path}",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Basic {credential}",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }

        def start(status: str, _headers: list[tuple[str, str]]) -> None:
            self.status = status[:3]

        return b"".join(map(bytes, self._application(environ, start)))

    def list(self, path: str, kind: str = "few", depth: str = "1") -> bytes:
        """A PROPFIND."""
        body = f'<D:propfind xmlns:D="DAV:">{PROPERTIES[kind]}</D:propfind>'.encode() if PROPERTIES[kind] else b""
        # The time that a lock has left moves on between two looks.
        return re.sub(rb"Second-\d+", b"", self.ask("PROPFIND", path, body, depth=depth))

    def kept(self) -> set[str]:
        """The paths of all answers that are kept for the user."""
        session = self.bench.vault.sessions.sign_in(self.user, PASSWORD)
        return {"/".join(question[0]) for question in session.kept._answers}


@dataclass
class Pair:
    """Two processes over one data folder, of which the second remembers nothing."""

    first: Front
    plain: Front


def pair(folder: Path) -> Pair:
    """A fresh pair with the user ada."""
    bench = open_bench(folder)
    bench.account("ada")
    forgetful = open_bench(folder, Policy(kept=0), clock=bench.clock)
    return Pair(Front(bench), Front(forgetful))


@pytest.fixture
def fronts(tmp_path: Path) -> Iterator[Pair]:
    """A fresh pair, closed at the end."""
    made = pair(tmp_path)
    yield made
    made.first.bench.vault.close()
    made.plain.bench.vault.close()


PATHS = st.sampled_from(["f", "f/a", "f/b", "f/A b", "f/._a", "f/.DS_Store", "f/g", "f/g/c", "h", "h/a"])
FOLDERS = st.sampled_from(["", "f", "f/g", "h"])
CHANGES = st.one_of(
    st.tuples(st.just("PUT"), PATHS, st.binary(max_size=3)),
    st.tuples(st.just("MKCOL"), PATHS, st.none()),
    st.tuples(st.just("DELETE"), PATHS, st.none()),
    st.tuples(st.sampled_from(["MOVE", "COPY"]), PATHS, PATHS),
    st.tuples(st.just("PROPPATCH"), PATHS, st.sampled_from(["1", "2"])),
    st.tuples(st.just("LOCK"), PATHS, st.sampled_from(["0", "infinity"])),
    st.tuples(st.just("UNLOCK"), PATHS, st.none()),
    st.tuples(st.just("LIST"), FOLDERS, st.sampled_from(sorted(PROPERTIES))),
)
LOCK = (
    b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>'
)


def change(front: Front, tokens: dict[str, str], method: str, path: str, more: object) -> None:
    """Carry out one step; one that is refused changes nothing, and that is a step too."""
    where = f"ada/{path.replace(' ', '%20')}"
    submitted = " ".join(f"(<{token}>)" for token in tokens.values())
    held = {"if": submitted} if submitted else {}
    if method == "PUT":
        front.ask("PUT", where, bytes(more))  # type: ignore[call-overload]
    elif method in ("MOVE", "COPY"):
        front.ask(method, where, destination=f"/dav/ada/{str(more).replace(' ', '%20')}", **held)
    elif method == "PROPPATCH":
        value = f'<D:set><D:prop><x:a xmlns:x="urn:x">{more}</x:a></D:prop></D:set>'
        front.ask("PROPPATCH", where, f'<D:propertyupdate xmlns:D="DAV:">{value}</D:propertyupdate>'.encode())
    elif method == "LOCK":
        answer = front.ask("LOCK", where, LOCK, depth=str(more))
        if front.status in ("200", "201"):
            tokens[where] = re.findall(rb"urn:uuid:[0-9a-f-]+", answer)[-1].decode()
    elif method == "UNLOCK":
        front.ask("UNLOCK", where, lock_token=f"<{tokens.pop(where, 'urn:uuid:none')}>")
    elif method != "LIST":
        front.ask(method, where, **held)


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=14), FOLDERS, st.sampled_from(sorted(PROPERTIES)))
def test_whatever_changes_a_listing_is_the_one_that_a_service_without_memory_gives(
    steps: list[tuple[str, str, object]], watched: str, kind: str
) -> None:
    """Of all methods, by this process and by another, with each set of properties."""
    with tempfile.TemporaryDirectory() as folder:
        both = pair(Path(folder))
        tokens: dict[str, str] = {}
        try:
            for number, (method, path, more) in enumerate([("MKCOL", "f", None), *steps]):
                change((both.first, both.plain)[number % 2], tokens, method, path, more)
                looked = [(watched, kind, depth) for depth in "01"]
                looked += [(path, str(more), "1")] if method == "LIST" else []
                for place, wanted, depth in looked:
                    told = both.first.list(f"ada/{place}", wanted, depth)
                    assert told == both.plain.list(f"ada/{place}", wanted, depth), (method, path, more)
        finally:
            both.first.bench.vault.close()
            both.plain.bench.vault.close()


def test_an_unchanged_folder_is_answered_without_looking_at_its_members(fronts: Pair) -> None:
    """The rows may even be gone: a look would show it."""
    fronts.first.ask("PUT", "ada/a", b"1")
    told = fronts.first.list("ada/")
    fronts.first.bench.edit("DELETE FROM nodes WHERE size = 1")
    assert fronts.first.list("ada/") == told
    assert fronts.plain.list("ada/") != told


def test_what_changes_elsewhere_does_not_make_a_listing_anew(fronts: Pair) -> None:
    """A busy space keeps the listings of its quiet folders."""
    fronts.first.ask("MKCOL", "ada/f")
    fronts.first.ask("PUT", "ada/f/a", b"1")
    told = fronts.first.list("ada/f/")
    fronts.first.ask("PUT", "ada/b", b"22")
    fronts.first.bench.edit("DELETE FROM nodes WHERE size = 1")
    assert fronts.first.list("ada/f/") == told


@pytest.mark.parametrize("kind", ["few", "all", "space"])
def test_a_file_of_macos_that_is_written_again_is_told_with_its_new_etag(fronts: Pair, kind: str) -> None:
    """Though no entry of the journal and no folder's etag says so: in its folder, by itself, and in the quota."""
    fronts.first.bench.vault.spaces.set_quota("ada", 1000)
    fronts.first.ask("PUT", "ada/._a", b"1")
    for path in ("ada/", "ada/._a"):
        before = fronts.first.list(path, kind)
        assert fronts.first.list(path, kind) == before
        fronts.plain.ask("PUT", "ada/._a", b"other content for " + path.encode())
        assert fronts.first.list(path, kind) == fronts.plain.list(path, kind) != before


def test_after_a_change_the_other_members_are_not_read_again(fronts: Pair) -> None:
    """A row that another program spoiled meanwhile would be left out by a whole listing."""
    for name in "abc":
        fronts.first.ask("PUT", f"ada/{name}", b"1")
    fronts.first.list("ada/")
    fronts.first.bench.edit("UPDATE nodes SET proof = x'00' WHERE folder = 0 AND id % 2 = 0")
    fronts.first.ask("PUT", "ada/new", b"1")
    told = fronts.first.list("ada/")
    assert [f"/dav/ada/{name}<".encode() in told for name in ("a", "b", "c", "new")] == [True] * 4


def test_a_folder_with_a_member_that_cannot_be_read_is_looked_at_each_time(fronts: Pair) -> None:
    """Once the row is repaired, the member is there."""
    fronts.first.ask("PUT", "ada/a", b"1")
    proof = fronts.first.bench.rows("SELECT proof FROM nodes WHERE folder = 0")[0][0]
    fronts.first.bench.edit("UPDATE nodes SET proof = x'00' WHERE folder = 0")
    assert b"/dav/ada/a<" not in fronts.first.list("ada/")
    fronts.first.bench.edit("UPDATE nodes SET proof = ? WHERE folder = 0", proof)
    assert b"/dav/ada/a<" in fronts.first.list("ada/")


def test_who_is_no_member_any_more_is_told_nothing(fronts: Pair) -> None:
    """Neither at the next request, nor is anything of it left in memory after it."""
    bench = fronts.first.bench
    guest = bench.account("bob").user
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.vault.spaces.add("team", ada.user)
    bench.vault.spaces.grant(ada, "team", guest, MemberRole.READER)
    bob = Front(bench, user="bob")
    bob.list("team/")
    assert bob.status == "207"
    assert bob.kept() == {"team"}
    bench.vault.spaces.revoke(ada, "team", guest)
    bob.list("team/")
    assert bob.status == "404"
    assert bob.kept() == set()


def test_another_role_is_told_its_own_privileges(fronts: Pair) -> None:
    """The role is part of what an answer rests on."""
    bench = fronts.first.bench
    guest = bench.account("bob").user
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    bench.vault.spaces.add("team", ada.user)
    bench.vault.spaces.grant(ada, "team", guest, MemberRole.READER)
    bob = Front(bench, user="bob")
    assert b"write-content" not in bob.list("team/", "role")
    bench.vault.spaces.grant(ada, "team", guest, MemberRole.EDITOR)
    assert b"write-content" in bob.list("team/", "role")


def test_answers_go_with_the_keys_that_they_were_made_with(fronts: Pair) -> None:
    """At once: no collector has to come by first."""
    fronts.first.ask("PUT", "ada/a", b"1")
    fronts.first.list("ada/")
    fronts.first.list("ada/")
    sessions = fronts.first.bench.vault.sessions
    shelf = sessions.sign_in("ada", PASSWORD).kept
    assert fronts.first.kept() == {"ada"}
    gone = weakref.ref(next(iter(shelf._answers.values()))[2])
    assert isinstance(gone(), Answer)
    del shelf
    gc.disable()
    try:
        fronts.first.bench.clock.advance(901)
        sessions.sweep()
        assert gone() is None
    finally:
        gc.enable()


def test_a_space_made_again_under_an_old_label_is_another_one(fronts: Pair) -> None:
    """A label says nothing about what is in it."""
    bench = fronts.first.bench
    ada = bench.vault.sessions.sign_in("ada", PASSWORD)
    made = bench.vault.spaces.add("team", ada.user)
    fronts.first.ask("PUT", "team/a", b"1")
    assert b"/dav/team/a<" in fronts.first.list("team/")
    bench.stores.catalog.write(lambda rows: bench.vault.spaces.remove(rows, made, {}))
    bench.vault.spaces.add("team", ada.user)
    assert b"/dav/team/a<" not in fronts.first.list("team/")


def test_all_kept_answers_together_stay_within_their_bound(tmp_path: Path) -> None:
    """What was not asked for the longest goes first, and what is larger than half of it is not kept at all."""
    bench = open_bench(tmp_path, Policy(kept=40_000))
    for user in ("ada", "bob"):
        bench.account(user)
    ada, bob = Front(bench), Front(bench, user="bob")
    for number in range(30):
        ada.ask("MKCOL", f"ada/{number}")
    kept = bench.vault.sessions._room
    for number in range(30):
        ada.list(f"ada/{number}")
        ada.list("ada/0")
        bob.list("bob/")
        assert sum(shelf.size for shelf in kept._shelves) <= 40_000
    assert {"ada/0", "ada/29"} <= ada.kept()
    assert "ada/1" not in ada.kept()
    ada.list("ada/")
    assert "ada" not in ada.kept()
    assert bob.kept() == {"bob"}
    bench.vault.close()


def test_nobody_is_told_of_a_label_that_was_never_his(fronts: Pair) -> None:
    """A kept answer of one credential is out of the reach of every other."""
    bench = fronts.first.bench
    bench.account("bob")
    fronts.first.list("ada/")
    bob = Front(bench, user="bob")
    bob.list("ada/")
    assert bob.status == "404"
    with pytest.raises(NotFound):
        bench.vault.files.basis(bench.vault.sessions.sign_in("bob", PASSWORD), ("ada",), None, locks=False)

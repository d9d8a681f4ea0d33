"""The one decision, for any items, rules, holds and times."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from docstopd.model import SECOND, BlobId, NodeId, SpaceId, UserId
from docstopd.vault.retention import CountedFrom, Keep, Protect, RetentionClass, RetentionPolicy, Schedule, Then
from docstopd.vault.retention.decide import Content, Decision, Fate, File, Item, Kind, Trashed, decide
from docstopd.vault.retention.holds import NOTHING, Covered
from docstopd.vault.retention.schedule import Dates

DAY = 86_400
EPOCH = 1_600_000_000 * SECOND
SPACE, OTHER = SpaceId(b"s" * 16), SpaceId(b"o" * 16)
USERS = [UserId(bytes([number]) * 16) for number in range(3)]

times = st.integers(0, 4000).map(lambda hours: EPOCH + hours * 3600 * SECOND)
classes = st.builds(
    RetentionClass,
    name=st.sampled_from(["a", "b"]),
    match=st.just(("**",)),
    keep_for=st.integers(1, 100).map(lambda days: float(days * DAY)),
    counted_from=st.sampled_from(CountedFrom),
    protect=st.sampled_from(Protect),
    then=st.sampled_from(Then),
)
policies = st.builds(
    RetentionPolicy,
    versions=st.builds(Keep, last=st.integers(0, 3), daily=st.integers(0, 3), monthly=st.integers(0, 3)),
    trash=st.none() | st.integers(0, 60).map(lambda days: float(days * DAY)),
    schedule=st.lists(classes, max_size=2, unique_by=lambda one: one.name).map(lambda found: Schedule(tuple(found))),
)


@st.composite
def files(draw: st.DrawFn, node: int = 0) -> File:
    """A file with a few contents, of a class or not, that may be in the schedule no more."""
    received = sorted(draw(st.lists(times, min_size=1, max_size=6)))
    contents = [
        Content(
            BlobId(bytes([number]) * 16), 10, when, draw(st.sampled_from(USERS)), current=number == len(received) - 1
        )
        for number, when in enumerate(received)
    ]
    return File(
        space=draw(st.sampled_from([SPACE, OTHER])),
        node=NodeId(node or draw(st.integers(1, 20))),
        contents=tuple(contents),
        klass=draw(st.sampled_from([None, "a", "b", "gone"])),
        dates=Dates(received[0], received[-1], draw(st.none() | times), draw(st.none() | times)),
        approved=draw(st.booleans()),
    )


@st.composite
def trees(draw: st.DrawFn) -> Trashed:
    """A deleted tree."""
    nodes = draw(st.lists(st.integers(1, 20).map(NodeId), min_size=1, max_size=4, unique=True))
    members = [draw(files(node)) for node in nodes]
    return Trashed(
        space=members[0].space,
        node=nodes[0],
        deleted=draw(st.none() | times),
        nodes=tuple(nodes),
        authors=frozenset(content.author for member in members for content in member.contents),
        versions=sum(len(member.contents) for member in members),
        bytes=10,
        files=tuple(replace(member, space=members[0].space) for member in members if member.klass),
    )


items = st.lists(files() | trees(), max_size=6)
holds = st.builds(
    Covered,
    users=st.frozensets(st.sampled_from(USERS)),
    spaces=st.frozensets(st.sampled_from([SPACE, OTHER])),
    nodes=st.frozensets(st.integers(1, 20).map(NodeId)),
)


class Everything:
    """A hold on all there is."""

    def covers(self, _space: SpaceId, _nodes: Sequence[NodeId], _authors: Iterable[UserId]) -> bool:
        return True


def removed(found: Iterable[Decision]) -> set[tuple[Kind, NodeId, BlobId]]:
    return {(one.kind, one.node, one.blob) for one in found if one.fate is Fate.REMOVE}


def single(item: Item, policy: RetentionPolicy, cover: Covered, now: int) -> list[Decision]:
    return list(decide([item], policy, cover, now))


class TestHolds:
    """A hold wins over every rule."""

    @given(items, policies, times)
    def test_under_a_hold_on_everything_nothing_goes(
        self, found: list[Item], policy: RetentionPolicy, now: int
    ) -> None:
        """Whatever the policy says."""
        assert removed(decide(found, policy, Everything(), now)) == set()

    @given(files() | trees(), policies, holds, times)
    def test_what_is_covered_stays(self, item: Item, policy: RetentionPolicy, cover: Covered, now: int) -> None:
        """By its space, its number, or that of a part, or by an author."""
        for one in single(item, policy, cover, now):
            if one.fate is not Fate.REMOVE:
                continue
            nodes = item.nodes if isinstance(item, Trashed) else (item.node,)
            assert item.space not in cover.spaces
            assert not cover.nodes & set(nodes)
            if isinstance(item, Trashed) or one.kind is Kind.FILE:
                authors = item.authors if isinstance(item, Trashed) else {content.author for content in item.contents}
            else:
                authors = {content.author for content in item.contents if content.blob == one.blob}
            assert not cover.users & authors

    @given(items, policies, holds, times)
    def test_a_hold_never_makes_anything_go(
        self, found: list[Item], policy: RetentionPolicy, cover: Covered, now: int
    ) -> None:
        """Released, only what the rules wanted goes."""
        for item in found:
            with_hold, without = (removed(single(item, policy, one, now)) for one in (cover, NOTHING))
            # A file that would go whole is looked at version by version while it is held.
            assert with_hold <= without or any(kind is Kind.FILE for kind, _node, _blob in without)


class TestTime:
    """In whatever steps it moves."""

    @given(files(), policies, st.lists(times, min_size=1, max_size=5))
    def test_the_current_content_goes_only_with_its_file(
        self, file: File, policy: RetentionPolicy, steps: list[int]
    ) -> None:
        """Never as an old version."""
        for now in steps:
            current = {content.blob for content in file.contents if content.current}
            gone = removed(single(file, policy, NOTHING, now))
            assert not {blob for kind, _node, blob in gone if kind is Kind.VERSION} & current

    @given(trees(), policies, times, times)
    def test_a_tree_that_goes_would_have_gone_at_any_later_time(
        self, tree: Trashed, policy: RetentionPolicy, one: int, other: int
    ) -> None:
        """So runs may come late, or many at once."""
        early, late = sorted((one, other))
        assert removed(single(tree, policy, NOTHING, early)) <= removed(single(tree, policy, NOTHING, late))

    @given(files(), policies, times)
    def test_a_clock_that_stands_before_every_receipt_removes_nothing_by_age(
        self, file: File, policy: RetentionPolicy, now: int
    ) -> None:
        """A clock that ran back makes nothing older."""
        early = min(content.received for content in file.contents) - 1
        unasked = replace(file, dates=replace(file.dates, event=None, kept=None))
        assert not {kind for kind, _node, _blob in removed(single(unasked, policy, NOTHING, early))} & {Kind.FILE}


class TestClasses:
    """What the schedule says of whole files."""

    @given(files(), policies, times)
    def test_what_is_protected_keeps_every_version(self, file: File, policy: RetentionPolicy, now: int) -> None:
        """Overwriting would be a way out otherwise."""
        klass = policy.schedule.named(file.klass)
        if klass is None or not klass.protects(file.dates, now) or (file.approved and klass.then is Then.REVIEW):
            return
        assert removed(single(file, policy, NOTHING, now)) == set()

    @given(files(), policies, times)
    def test_a_review_takes_two_people(self, file: File, policy: RetentionPolicy, now: int) -> None:
        """Until they have decided, it stays."""
        klass = policy.schedule.named(file.klass)
        gone = removed(single(replace(file, approved=False), policy, NOTHING, now))
        if klass is not None and klass.then is Then.REVIEW:
            assert Kind.FILE not in {kind for kind, _node, _blob in gone}

    @given(files(), policies, times)
    def test_a_class_that_is_unknown_removes_nothing(self, file: File, policy: RetentionPolicy, now: int) -> None:
        """Its rule may have been lost by mistake."""
        assert removed(single(replace(file, klass="gone"), policy, NOTHING, now)) == set()

    @given(files() | trees(), policies, holds, times)
    def test_every_decision_has_a_reason(self, item: Item, policy: RetentionPolicy, cover: Covered, now: int) -> None:
        """For people who ask why."""
        assert all(one.reasons and all(one.reasons) for one in single(item, policy, cover, now))


class TestPatterns:
    """Which paths a class fits."""

    def test_stars_stay_in_a_name_and_two_of_them_are_any_folders(self) -> None:
        """None among them, where more follows."""

        def fits(pattern: str, path: str) -> bool:
            return RetentionClass("x", (pattern,), DAY).fits("ada", tuple(path.split("/")))

        assert fits("contracts/**", "contracts/a") and fits("contracts/**", "contracts/2024/a")
        assert not fits("contracts/**", "contracts") and not fits("contracts/**", "old/contracts/a")
        assert fits("**/*.pdf", "a.pdf") and fits("**/*.pdf", "x/y/a.pdf") and not fits("**/*.pdf", "a.pdf/x")
        assert fits("*/invoice-??.txt", "2024/invoice-07.txt") and not fits("*/invoice-??.txt", "a/b/invoice-07.txt")
        assert fits("a.b", "a.b") and not fits("a.b", "axb")
        assert fits("**", "anything/at/all")

    def test_a_class_of_named_spaces_holds_in_these_alone(self) -> None:
        """By their label."""
        klass = RetentionClass("x", ("**",), DAY, spaces=("team",))
        assert klass.fits("team", ("a",)) and not klass.fits("ada", ("a",))

    def test_the_first_class_that_fits_holds(self) -> None:
        """So the narrow ones come first."""
        schedule = Schedule((RetentionClass("pdf", ("**/*.pdf",), DAY), RetentionClass("all", ("**",), DAY)))
        assert [getattr(schedule.class_of("ada", (name,)), "name", None) for name in ("a.pdf", "a")] == ["pdf", "all"]

"""What a WebDAV server says to one client after the other: a model small enough to be seen to be right."""

from dataclasses import dataclass, field, replace

from linearizable import Operation

Path = tuple[str, ...]
Tree = frozenset[tuple[Path, bytes | None]]
"""Every path with its content; a folder has none. The root, (), is always there and not listed."""

EMPTY: Tree = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `target` and `overwrite` are for MOVE and COPY, `token` for UNLOCK; SURVEY looks at the whole tree.

    `number` tells one COPY's two steps from another's.
    """

    method: str
    path: Path = ()
    target: Path = ()
    body: bytes = b""
    overwrite: bool = True
    token: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer: the body of a GET, the token of a LOCK, the tree of a SURVEY."""

    status: int
    body: bytes = b""
    token: str = ""
    etag: str = ""
    tree: Tree = EMPTY


@dataclass(frozen=True, slots=True)
class State:
    """The tree, the lock on each path, and what each COPY that has begun has read."""

    tree: Tree = EMPTY
    locks: frozenset[tuple[Path, str]] = frozenset()
    read: frozenset[tuple[int, Tree]] = frozenset()


Event = Operation[Call, Outcome]


def step(state: State, call: Call, outcome: Outcome) -> State | None:
    """The state after `call` was answered so, None where it would have been answered otherwise."""
    world = _World(dict(state.tree), dict(state.locks), dict(state.read))
    if getattr(world, "do_" + call.method.lower().replace("-", "_"))(call, outcome) != outcome.status:
        return None
    return State(frozenset(world.nodes.items()), frozenset(world.locks.items()), frozenset(world.read.items()))


def in_two_steps(history: list[Event]) -> list[Event]:
    """Take each COPY apart: it reads its source at one moment, whole, and writes its target at a later one, whole."""
    events = []
    for number, event in enumerate(history):
        if event.call.method != "COPY":
            events.append(event)
            continue
        read, write = (replace(event.call, method=method, number=number) for method in ("COPY-READ", "COPY-WRITE"))
        if event.outcome.status == 404:
            events.append(replace(event, call=read))
        else:
            events += [replace(event, call=read, outcome=Outcome(100)), replace(event, call=write)]
    return events


@dataclass(slots=True)
class _World:
    nodes: dict[Path, bytes | None]
    locks: dict[Path, str]
    read: dict[int, Tree] = field(default_factory=dict)

    def do_put(self, call: Call, _outcome: Outcome) -> int:
        if refused := self._place(call.path):
            return refused
        if call.path in self.nodes and self.nodes[call.path] is None:
            return 405
        if call.path in self.locks:
            return 423
        status = 204 if call.path in self.nodes else 201
        self.nodes[call.path] = call.body
        return status

    def do_get(self, call: Call, outcome: Outcome) -> int:
        content = self.nodes.get(call.path)
        if content is None:
            return 404
        return 200 if content == outcome.body else 0

    def do_survey(self, _call: Call, outcome: Outcome) -> int:
        return 207 if frozenset(self.nodes.items()) == outcome.tree else 0

    def do_mkcol(self, call: Call, _outcome: Outcome) -> int:
        if refused := self._place(call.path):
            return refused
        if call.path in self.nodes:
            return 405
        self.nodes[call.path] = None
        return 201

    def do_delete(self, call: Call, _outcome: Outcome) -> int:
        if call.path not in self.nodes:
            return 404
        if self._locked(call.path):
            return 423
        self._take(call.path)
        return 204

    def do_move(self, call: Call, _outcome: Outcome) -> int:
        if call.path not in self.nodes:
            return 404
        if refused := self._place(call.target) or self._overlap(call):
            return refused
        if self._locked(call.path):
            return 423
        if refused := self._occupied(call):
            return refused
        return self._replace(call.target, self._take(call.path))

    def do_copy_read(self, call: Call, outcome: Outcome) -> int:
        if call.path not in self.nodes:
            return 404
        self.read[call.number] = frozenset(self._below(call.path).items())
        return 100 if outcome.status == 100 else 0

    def do_copy_write(self, call: Call, _outcome: Outcome) -> int:
        if call.number not in self.read:
            return 0
        read = dict(self.read.pop(call.number))
        if refused := self._place(call.target) or self._overlap(call) or self._occupied(call):
            return refused
        return self._replace(call.target, read)

    def do_lock(self, call: Call, outcome: Outcome) -> int:
        if refused := self._place(call.path):
            return refused
        if call.path in self.locks:
            return 423
        created = call.path not in self.nodes
        if created:
            self.nodes[call.path] = b""
        self.locks[call.path] = outcome.token
        return 201 if created else 200

    def do_unlock(self, call: Call, _outcome: Outcome) -> int:
        if call.path not in self.nodes:
            return 404
        if self.locks.get(call.path) != call.token:
            return 409
        del self.locks[call.path]
        return 204

    def _place(self, path: Path) -> int:
        """409 without a folder to hold it."""
        parent = path[:-1]
        return 0 if not parent or (parent in self.nodes and self.nodes[parent] is None) else 409

    def _overlap(self, call: Call) -> int:
        """403 where one holds the other."""
        shorter = min(len(call.path), len(call.target))
        return 403 if call.path[:shorter] == call.target[:shorter] else 0

    def _occupied(self, call: Call) -> int:
        if call.target not in self.nodes:
            return 0
        if not call.overwrite:
            return 412
        return 423 if self._locked(call.target) else 0

    def _locked(self, path: Path) -> bool:
        return any(locked[: len(path)] == path for locked in self.locks)

    def _below(self, path: Path) -> dict[Path, bytes | None]:
        """A node and all that is in it, by the paths from it on."""
        return {each[len(path) :]: content for each, content in self.nodes.items() if each[: len(path)] == path}

    def _take(self, path: Path) -> dict[Path, bytes | None]:
        """Take a node away, with all that is in it and its locks."""
        taken = self._below(path)
        for below in taken:
            del self.nodes[path + below]
            self.locks.pop(path + below, None)
        return taken

    def _replace(self, path: Path, tree: dict[Path, bytes | None]) -> int:
        """Put a tree where something may be."""
        status = 204 if self._take(path) else 201
        self.nodes.update({path + below: content for below, content in tree.items()})
        return status

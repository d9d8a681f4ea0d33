"""One request as the methods see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from docstopd.dav.conditions import lists_guard, read_guard
from docstopd.dav.refusal import Refusal, bad_request
from docstopd.dav.settings import Settings
from docstopd.dav.url import PublicNames, Target, href, reference
from docstopd.errors import InvalidName, NotFound
from docstopd.model import Guard, SpacePath
from docstopd.vault import Session, Vault

READ_ONLY = "OPTIONS, GET, HEAD, PROPFIND"
ON_FOLDER = f"{READ_ONLY}, REPORT, PROPPATCH, DELETE, COPY, MOVE, LOCK, UNLOCK"
_DEPTHS = {"0": 0, "1": 1, "infinity": None}
_FLAGS = {"T": True, "F": False}


@dataclass(slots=True)
class Request:
    """The WSGI environ, where it points, who asks, and the vault to ask."""

    environ: dict[str, Any] = field(repr=False)  # holds the credential
    method: str
    target: Target
    vault: Vault
    settings: Settings
    names: PublicNames
    _session: Session | None = field(default=None, repr=False)

    @property
    def session(self) -> Session:
        """Who asks. Set by the Authenticator, without which no method is reached."""
        assert self._session is not None
        return self._session

    @session.setter
    def session(self, session: Session) -> None:
        self._session = session

    @property
    def signed_in(self) -> bool:
        """Whether the caller is known."""
        return self._session is not None

    @property
    def path(self) -> SpacePath:
        """The path, for methods that change something: `/` and `/dav/` are read-only, and nobody makes a space here."""
        path = self.target.path
        if not path:
            raise Refusal(405, "This collection is read-only.", headers=(("Allow", READ_ONLY),))
        return path

    @property
    def path_to_make(self) -> SpacePath:
        """The path of what is about to be made or replaced: a space is neither."""
        path = self.path
        if len(path) == 1:
            if self._exists(path):
                raise Refusal(405, "This is a space.", headers=(("Allow", ON_FOLDER),))
            raise Refusal(403, "Spaces are made by the service's own commands, not over WebDAV.")
        return path

    @property
    def path_to_remove(self) -> SpacePath:
        """The path of what is about to be moved away or deleted: a space is neither."""
        path = self.path
        if len(path) == 1 and self._exists(path, wanted=True):
            raise Refusal(403, "Spaces are removed by the service's own commands, not over WebDAV.")
        return path

    def refuse_encoding(self) -> None:
        """Raise a 415 for a coded body: kept as it comes, it would be read back as something else."""
        if header(self.environ, "HTTP_CONTENT_ENCODING").lower() not in ("", "identity"):
            raise Refusal(415, "Send the body without a content encoding.")

    def guard(self) -> Guard:
        """Return the preconditions of a write."""
        return read_guard(self.environ, self.target.path, self._resolve)

    def check_lists(self) -> None:
        """Evaluate `If` for a method that reads. Raises PreconditionFailed."""
        path = self.target.path
        if path and self.environ.get("HTTP_IF"):
            self.vault.files.check(self.session, path, lists_guard(self.environ, path, self._resolve))

    def destination(self) -> Target:
        """Return where a COPY or MOVE goes (RFC 4918 section 10.3)."""
        value = self.environ.get("HTTP_DESTINATION")
        if not value:
            raise bad_request("The Destination header is missing.")
        try:
            target = reference(value, self.environ.get("HTTP_HOST", ""), self.names, self.settings)
        except NotFound:
            raise Refusal(403, "The Destination is outside /dav/.") from None
        if target is None:
            # RFC 4918 suggests 502; the macOS Finder takes any 5xx but 507 for a file that has vanished.
            raise Refusal(403, "The Destination is on another server, or under a name that is not configured here.")
        return target

    def overwrite(self) -> bool:
        """Return the Overwrite header, true when absent (RFC 4918 section 10.6)."""
        flag = _FLAGS.get(self.environ.get("HTTP_OVERWRITE", "T").strip().upper())
        if flag is None:
            raise bad_request("Overwrite is T or F.")
        return flag

    def depth(self) -> int | None:
        """Return the Depth header: 0, 1, or None for infinity, which is also what its absence means."""
        value = self.environ.get("HTTP_DEPTH", "infinity").strip().lower()
        if value not in _DEPTHS:
            raise bad_request("Depth is 0, 1 or infinity.")
        return _DEPTHS[value]

    def href_of(self, path: SpacePath) -> str:
        """Return the href of a path whose kind is not known, asking the vault for it."""
        return href(path, folder=len(path) < 2 or self.vault.files.stat(self.session, path).folder)

    def _exists(self, path: SpacePath, *, wanted: bool = False) -> bool:
        try:
            self.vault.files.stat(self.session, path)
        except NotFound:
            if wanted:
                raise
            return False
        return True

    def _resolve(self, tag: str) -> SpacePath | None:
        """Resolve a resource tag of `If`; what no node here can be is somewhere else, and its tests fail."""
        try:
            target = reference(tag, self.environ.get("HTTP_HOST", ""), self.names, self.settings)
        except (NotFound, InvalidName):
            return None
        return None if target is None else target.path


def header(environ: Mapping[str, str], name: str) -> str:
    """Return a header's value without blanks around it, "" when it is absent."""
    return environ.get(name, "").strip(" \t")

"""An element of a request as text that stands alone: what a dead property keeps (RFC 4918 section 4.3).

lxml writes all declarations of all ancestors into each element, so that 200 properties under 5,000 namespaces become
a million declarations; its canonical form refuses relative namespaces. Here an element declares what it uses, under
the prefixes that its author chose.
"""

from typing import TypeVar

from lxml import etree  # type: ignore[import-untyped]  # lxml comes without types

from docstopd.dav.multistatus import escape, split_name
from docstopd.dav.xml_body import Element, tag
from docstopd.errors import TooLarge

_XML = "http://www.w3.org/XML/1998/namespace"
_LANGUAGE = f"{{{_XML}}}lang"
_WHITE = str.maketrans({"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})

# Not `attrib.items()`, which looks for each value from the first attribute on: 20,000 of them would take a second.
_attributes = etree.XPath("@*")

_Key = TypeVar("_Key", bound=str | None)


def serialise(element: Element, limit: int) -> str:
    """Return the element without what follows it, and with the language that holds for it.

    Raises TooLarge once there are more than `limit` characters, without looking at the rest.
    """
    out = _Output(limit)
    _write(element, _Scope(), out, _inherited_language(element))
    return "".join(out.pieces)


class _Output:
    """The text so far, and how much more of it there may be."""

    def __init__(self, limit: int) -> None:
        self.pieces: list[str] = []
        self._limit = limit
        self._left = limit

    def put(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise TooLarge(f"an element may have at most {self._limit} characters")
        self.pieces.append(text)


class _Scope:
    """The prefixes in force where the writing is; None is the default namespace's.

    One pair of maps for the whole tree, and what to put back when an element ends: a copy for each element, or a search
    for each attribute, would make a body cost its elements times its namespaces.
    """

    def __init__(self) -> None:
        self._namespaces: dict[str | None, str] = {"xml": _XML}
        self._prefixes = {_XML: "xml"}
        self._replaced: list[tuple[str | None, str, str | None, str | None]] = []

    def mark(self) -> int:
        """Return what `leave` needs at the end of the element that begins here."""
        return len(self._replaced)

    def means(self, prefix: str | None, namespace: str) -> bool:
        """Tell whether the prefix, or its absence, stands for that namespace."""
        return self._namespaces.get(prefix, "") == namespace

    def declare(self, prefix: str | None, namespace: str) -> None:
        """Let the prefix stand for the namespace until the element ends."""
        before = self._namespaces.get(prefix), self._prefixes.get(namespace)
        self._replaced.append((prefix, namespace, *before))
        self._namespaces[prefix] = namespace
        if prefix is not None:
            self._prefixes[namespace] = prefix

    def prefix_of(self, namespace: str) -> str | None:
        """Return a prefix that stands for the namespace; one that an inner element took for another does not."""
        prefix = self._prefixes.get(namespace)
        return prefix if prefix is not None and self.means(prefix, namespace) else None

    def free_prefix(self) -> str:
        """Return a prefix that nothing in force uses."""
        number = len(self._namespaces)
        while f"a{number}" in self._namespaces:  # by the author's own, of which nesting allows a few hundred
            number += 1
        return f"a{number}"

    def leave(self, mark: int) -> None:
        """Put back what was in force before the element."""
        while len(self._replaced) > mark:
            prefix, namespace, old_namespace, old_prefix = self._replaced.pop()
            _restore(self._namespaces, prefix, old_namespace)
            _restore(self._prefixes, namespace, old_prefix)


def _restore(names: dict[_Key, str], key: _Key, old: str | None) -> None:
    if old is None:
        names.pop(key, None)
    else:
        names[key] = old


def _write(element: Element, scope: _Scope, out: _Output, language: str | None) -> None:
    """Write one element; the parser bounds how deep this goes."""
    mark = scope.mark()
    name = _start(element, scope, out, language)
    if element.text is None and len(element) == 0:
        out.put("/>")
    else:
        out.put(f">{_text(element.text)}")
        for child in element:
            _write(child, scope, out, None)
            out.put(_text(child.tail))
        out.put(f"</{name}>")
    scope.leave(mark)


def _start(element: Element, scope: _Scope, out: _Output, language: str | None) -> str:
    """Write a start tag but for its end, each declaration before its first use; return the element's name."""
    namespace, local = split_name(tag(element))
    name = f"{element.prefix}:{local}" if element.prefix else local
    out.put(f"<{name}")
    if not scope.means(element.prefix, namespace):
        scope.declare(element.prefix, namespace)
        out.put(_declaration(element.prefix, namespace))
    if language and _LANGUAGE not in element.attrib:
        out.put(f' xml:lang="{_quoted(language)}"')
    for attribute in _attributes(element):
        out.put(f' {_attribute_name(attribute.attrname, scope, out)}="{_quoted(attribute)}"')
    return name


def _attribute_name(key: str, scope: _Scope, out: _Output) -> str:
    """Return a prefixed name; an attribute in a namespace needs a prefix, so one is made where none is declared."""
    namespace, local = split_name(key)
    if not namespace:
        return local
    known = scope.prefix_of(namespace)
    if known is None:
        known = scope.free_prefix()
        scope.declare(known, namespace)
        out.put(_declaration(known, namespace))
    return f"{known}:{local}"


def _declaration(prefix: str | None, namespace: str) -> str:
    return f' xmlns{":" + prefix if prefix else ""}="{_quoted(namespace)}"'


def _quoted(value: str) -> str:
    """Escape what attribute normalisation would turn into blanks."""
    return escape(value).translate(_WHITE)


def _text(value: str | None) -> str:
    return escape(value).replace("\r", "&#13;") if value else ""


def _inherited_language(element: Element) -> str | None:
    for ancestor in element.iterancestors():
        if _LANGUAGE in ancestor.attrib:
            return str(ancestor.attrib[_LANGUAGE])
    return None

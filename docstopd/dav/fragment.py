"""An element of a request as text that stands alone: what a dead property keeps (RFC 4918 section 4.3).

lxml writes all declarations of all ancestors into each element, so that 200 properties under 5,000 namespaces become
a million declarations; its canonical form refuses relative namespaces. Here an element declares what it uses, under
the prefixes that its author chose.
"""

from collections.abc import Mapping

from docstopd.dav.multistatus import escape, split_name
from docstopd.dav.xml_body import Element, tag

_XML = "http://www.w3.org/XML/1998/namespace"
_LANGUAGE = f"{{{_XML}}}lang"
_WHITE = str.maketrans({"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})

Scope = Mapping[str | None, str]
"""Namespaces by the prefixes declared for them; None is the default namespace."""


def serialise(element: Element) -> str:
    """Return the element without what follows it, and with the language that holds for it."""
    out: list[str] = []
    _write(element, {"xml": _XML}, out, _inherited_language(element))
    return "".join(out)


def _write(element: Element, scope: Scope, out: list[str], language: str | None) -> None:
    """Write one element; the parser bounds how deep this goes."""
    namespace, local = split_name(tag(element))
    inner = dict(scope)
    name = f"{element.prefix}:{local}" if element.prefix else local
    if inner.get(element.prefix, "") != namespace:
        inner[element.prefix] = namespace
    attributes = {_LANGUAGE: language} if language else {}
    attributes.update(element.attrib)
    written = [f' {_attribute_name(key, inner)}="{_quoted(value)}"' for key, value in attributes.items()]
    declared = [_declaration(prefix, inner[prefix]) for prefix in inner if scope.get(prefix, "") != inner[prefix]]
    out.append(f"<{name}{''.join(declared)}{''.join(written)}")
    if element.text is None and len(element) == 0:
        out.append("/>")
        return
    out.append(f">{_text(element.text)}")
    for child in element:
        _write(child, inner, out, None)
        out.append(_text(child.tail))
    out.append(f"</{name}>")


def _attribute_name(key: str, scope: dict[str | None, str]) -> str:
    """Return a prefixed name; an attribute in a namespace needs a prefix, so one is made where none is declared."""
    namespace, local = split_name(key)
    if not namespace:
        return local
    known = next((prefix for prefix, name in scope.items() if prefix and name == namespace), None)
    if known is None:
        known = f"a{len(scope)}"
        while known in scope:
            known += "a"
        scope[known] = namespace
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

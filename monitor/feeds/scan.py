"""A walk through a document with expat, before feedparser sees it: caps on what feedparser is quadratic in.

1 MB of namespace declarations keeps feedparser busy for 20 s, and an author of 64 KB as long; expat walks
250 MB/s. A breach of the caps that no feed makes refuses the document; an overlong small field is cut out,
because one bad entry must not lose the others. What expat cannot read is left to feedparser's loose parser
and the worker's deadline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from monitor.errors import ErrorKind, ParseError

MAX_ATTRIBUTES = 1000  # of one element: feedparser takes 0.01 s for as many, and 5 s for 20,000
MAX_ATTRIBUTE_LENGTH = 256 * 1024  # characters: data: URLs of images occur
MAX_NAMESPACES = 1000  # different ones; repeating one in each entry is common and cheap
MAX_DEPTH = 500
MAX_ELEMENTS = 2_000_000
# Elements that hold a name, an address or a date. feedparser's search for e-mail addresses in authors is
# quadratic.
SMALL = frozenset(
    (
        "author", "creator", "contributor", "name", "email", "uri", "managingeditor", "webmaster",
        "publisher", "owner", "guid", "id", "link", "pubdate", "published", "updated", "modified", "date",
        "issued", "created", "category", "language", "generator", "docs", "ttl", "comments",
    )
)  # fmt: skip
MAX_SMALL = 2048  # characters
MAX_ENTITIES = 64  # declared internal entities; older feeds declare a few names such as &nbsp;
MAX_ENTITY_LENGTH = 64


@dataclass(slots=True)
class Scan:
    """What the walk found."""

    well_formed: bool = True
    error: str = ""  # expat's words when it is not
    cuts: list[tuple[int, int]] = field(default_factory=list)  # byte ranges of overlong small fields


class _Refusal(Exception):  # noqa: N818 - a signal inside this file
    pass


class _Walker:
    """expat's handlers and their counters."""

    def __init__(self) -> None:
        self.scan = Scan()
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.EntityDeclHandler = self.entity
        self._depth = self._elements = self._entities = 0
        self._namespaces: set[tuple[str, str]] = set()
        self._small: tuple[int, int] | None = None  # (depth, byte after its start tag) of the open field
        self._length = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if attributes:
            self._namespaces.update(pair for pair in attributes.items() if pair[0].startswith("xmlns"))
        if self._depth > MAX_DEPTH:
            raise _Refusal(f"elements more than {MAX_DEPTH} deep")
        if self._elements > MAX_ELEMENTS:
            raise _Refusal(f"more than {MAX_ELEMENTS} elements")
        if len(attributes) > MAX_ATTRIBUTES:
            raise _Refusal(f"an element with {len(attributes)} attributes")
        if len(self._namespaces) > MAX_NAMESPACES:
            raise _Refusal(f"more than {MAX_NAMESPACES} namespaces")
        if any(len(value) > MAX_ATTRIBUTE_LENGTH for value in attributes.values()):
            raise _Refusal(f"an attribute longer than {MAX_ATTRIBUTE_LENGTH // 1024} KB")
        if self._small is None and name.rpartition(":")[2].lower() in SMALL:
            self._small = (self._depth, self.parser.CurrentByteIndex)
            self._length = 0

    def text(self, data: str) -> None:
        self._length += len(data)

    def end(self, _: str) -> None:
        if self._small is not None and self._small[0] == self._depth:
            if self._length > MAX_SMALL:
                self.scan.cuts.append((self._small[1], self.parser.CurrentByteIndex))
            self._small = None
        self._depth -= 1

    def entity(self, name: str, is_parameter: bool, value: str | None, *_: str | None) -> None:
        self._entities += 1
        harmless = (
            not is_parameter
            and value is not None
            and len(value) <= MAX_ENTITY_LENGTH
            and "&" not in value.replace("&#", "")
            and "<" not in value
        )
        if not harmless or self._entities > MAX_ENTITIES:
            raise _Refusal(f"a declaration of the entity '{name[:40]}'")


def scan(document: bytes) -> Scan:
    """Walk through a UTF-8 document.

    Raises:
        ParseError: it breaks a cap that no feed breaks (BROKEN).
    """
    walker = _Walker()
    try:
        walker.parser.Parse(document, True)  # noqa: FBT003 - expat's signature
    except _Refusal as refusal:
        raise ParseError(
            f"The document holds {refusal}, which no feed needs and which can exhaust a reader; "
            "it was not read. Tell the publisher.",
            ErrorKind.BROKEN,
        ) from None
    except expat.ExpatError as error:
        walker.scan.well_formed = False
        walker.scan.error = str(error)
    return walker.scan


def cut(document: bytes, cuts: list[tuple[int, int]]) -> bytes:
    """Return the document with the elements that begin at each cut's start emptied out of it.

    A cut runs from an overlong field's start tag to just before its end tag; both tags are removed.
    """
    if not cuts:
        return document
    parts, position = [], 0
    for start, end in cuts:
        parts.append(document[position:start])
        position = document.index(b">", end) + 1
    parts.append(document[position:])
    return b"".join(parts)

"""A walk through a document with expat before feedparser sees it: caps, and where each entry stands.

1 MB of namespace declarations keeps feedparser busy for 20 s, and an author of 64 KB as long; expat walks
250 MB/s. A breach of the caps that no feed makes refuses the document; an overlong small field is cut out,
because one bad entry must not lose the others. What expat cannot read is left to feedparser's loose parser
and the worker's deadline.

The byte range of each entry, with what the entry inherits from around it, gives a digest: an entry whose
digest is known says what it said before, and feedparser need not read it again.

Nor need expat: `shrink` puts an empty element in the place of each entry that is known to the byte, and walks
through what is left. Where expat finds that element as an outermost entry, with the same around it as before,
it would have found the entry: the same bytes in the same place of the grammar. Elsewhere (in a comment, in
CDATA, inside another entry) it does not find it, and the whole document is walked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING
from xml.parsers import expat

from monitor.errors import ErrorKind, ParseError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

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
ENTRIES = frozenset({"item", "entry"})  # what feedparser takes for one, whatever the format
_DIGEST = 8  # bytes: that two of a feed's 10,000 entries share one has a chance below 1 in 10**11
_NAME = re.compile(rb"[^\s/>]+")
_ENTRY = re.compile(rb"<(item|entry)[\s>]")


@dataclass(frozen=True, slots=True)
class Range:
    """Where one outermost entry stands."""

    start: int  # byte offset of its start tag
    end: int  # of what follows its end tag
    digest: str  # of its bytes, and of `around`
    around: str  # digest of what it inherits: the elements around it, with attributes and declarations


@dataclass(slots=True)
class Scan:
    """What the walk found."""

    well_formed: bool = True
    error: str = ""  # expat's words when it is not
    cuts: list[tuple[int, int]] = field(default_factory=list)  # byte ranges of overlong small fields
    entries: list[Range] = field(default_factory=list)  # in document order; none when it is not well-formed


class _Refusal(Exception):  # noqa: N818 - a signal inside this file
    pass


class _Walker:
    """expat's handlers and their counters.

    Namespaces are resolved, because feedparser's parser does so: what it refuses for an unknown prefix has
    to be refused here, too, or a document without the entry at fault would be read by another parser.

    `exact` counts the characters of small fields; without it a field's bytes are looked at, which is three
    times as fast, and `doubtful` tells that the characters have to be counted.
    """

    def __init__(self, document: bytes, base: str, *, exact: bool) -> None:
        self.scan = Scan()
        self.doubtful = False
        self._document = document
        self._exact = exact
        self.parser = expat.ParserCreate(None, " ")
        self.parser.buffer_text = True
        self.parser.ordered_attributes = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartNamespaceDeclHandler = self.namespace
        self.parser.EntityDeclHandler = self.entity
        self.parser.StartDoctypeDeclHandler = self.doctype
        if exact:
            self.parser.CharacterDataHandler = self.text
        self._depth = self._elements = self._entities = 0
        self._namespaces: set[tuple[str | None, str | None]] = set()
        self._bound: list[str] = []  # the prefixes that the coming start tag binds, and to what
        self._small: tuple[int, int] | None = None  # (depth, byte of its start tag) of the open field
        self._length = 0
        self._around = [base]  # what an entry inherits: the declarations and open elements before it
        self._inherited = ("", "")  # `_around` as it was when an entry ended last, and its digest
        self._entry = (0, 0)  # (depth, byte of its start tag) of the open entry; depth 0 = none

    def start(self, name: str, attributes: list[str]) -> None:
        self._depth = depth = self._depth + 1
        self._elements += 1
        if attributes:
            self._look_at(attributes)
        if depth > MAX_DEPTH:
            raise _Refusal(f"elements more than {MAX_DEPTH} deep")
        if self._elements > MAX_ELEMENTS:
            raise _Refusal(f"more than {MAX_ELEMENTS} elements")
        local = _LOCAL.get(name) or _local(name)
        if not self._entry[0]:
            if local in ENTRIES:
                self._entry = (depth, self.parser.CurrentByteIndex)
            else:
                self._around.append("\x1e".join((name, *attributes, *self._bound)))
            self._bound.clear()
        if self._small is None and local in SMALL:
            self._small = (depth, self.parser.CurrentByteIndex)
            self._length = 0

    def namespace(self, prefix: str | None, uri: str | None) -> None:
        self._namespaces.add((prefix, uri))
        if len(self._namespaces) > MAX_NAMESPACES:
            raise _Refusal(f"more than {MAX_NAMESPACES} namespaces")
        if not self._entry[0]:
            self._bound += (str(prefix), str(uri))

    def text(self, data: str) -> None:
        self._length += len(data)

    def end(self, _: str) -> None:
        depth = self._depth
        if self._small is not None and self._small[0] == depth:
            self._end_small(self._small[1])
        if not self._entry[0]:
            self._around.pop()
        elif self._entry[0] == depth:
            self._end_entry()
        self._depth = depth - 1

    def _end_small(self, start: int) -> None:
        end = self.parser.CurrentByteIndex
        self._small = None
        if self._exact and self._length > MAX_SMALL:
            self.scan.cuts.append((start, end))
        elif end - start > MAX_SMALL:
            self.doubtful = True

    def _end_entry(self) -> None:
        start = self._entry[1]
        end = _after_end_tag(self._document, start, self.parser.CurrentByteIndex)
        inherited = "\x1d".join(self._around)
        if inherited != self._inherited[0]:
            text = inherited.encode("utf-8", "surrogatepass")
            self._inherited = (inherited, blake2b(text, digest_size=_DIGEST).hexdigest())
        around = self._inherited[1]
        self.scan.entries.append(Range(start, end, _digest(self._document[start:end], around), around))
        self._entry = (0, 0)

    def _look_at(self, attributes: Sequence[str]) -> None:
        """Hold an element's attributes (names and values in turn) to the caps."""
        if len(attributes) > 2 * MAX_ATTRIBUTES:
            raise _Refusal(f"an element with {len(attributes) // 2} attributes")
        for value in attributes[1::2]:
            if len(value) > MAX_ATTRIBUTE_LENGTH:
                raise _Refusal(f"an attribute longer than {MAX_ATTRIBUTE_LENGTH // 1024} KB")

    def doctype(self, *words: object) -> None:
        self._declare(words)

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
        self.doubtful = True  # a few bytes may stand for many characters
        self._declare((name, value))

    def _declare(self, words: Iterable[object]) -> None:
        self._around.append("\x1e".join(map(str, words)))


_LOCAL: dict[str, str] = {}  # names of elements without namespace, in lower case: the same few in every feed
_MANY = 2000


def _local(name: str) -> str:
    local = name.rpartition(" ")[2].lower()
    if len(_LOCAL) < _MANY:
        _LOCAL[name] = local
    return local


def _after_end_tag(document: bytes, start: int, index: int) -> int:
    """Return the offset after an element that begins at `start` and ends at expat's `index`.

    At an end tag, expat is before it; at an empty-element tag, behind.
    """
    name = _NAME.match(document, start + 1)
    tag = b"</" + (name[0] if name else b"")
    after = index + len(tag)
    if document.startswith(tag, index) and document[after : after + 1] in b"> \t\r\n":
        return document.index(b">", after) + 1
    return index


def scan(document: bytes, base: str = "") -> Scan:
    """Walk through a UTF-8 document.

    Args:
        document: without an XML declaration.
        base: what else decides how its entries read, such as the address that links are relative to: it
            is part of every entry's digest.

    Raises:
        ParseError: it breaks a cap that no feed breaks (BROKEN).
    """
    walker = _walk(document, base, exact=False)
    if walker.doubtful:
        walker = _walk(document, base, exact=True)
    if not walker.scan.well_formed:
        walker.scan.entries.clear()
    return walker.scan


def _digest(entry: bytes, around: str) -> str:
    return blake2b(entry, digest_size=_DIGEST, key=around.encode()).hexdigest()


def shrink(document: bytes, base: str, known: Container[str], around: str) -> tuple[bytes, Scan] | None:
    """Walk through a document of which most entries are known, without looking into these.

    Known entries with nothing but white space between them are left out as one.

    Args:
        document: see `scan`.
        base: see `scan`.
        known: digests of entries.
        around: what those inherit, see `Range.around`.

    Returns:
        The document with empty elements for the known entries, and its scan, with the digests of the
        entries themselves; None when the document has to be scanned whole.

    Raises:
        ParseError: see `scan`.
    """
    parts: list[bytes] = []
    runs: dict[int, list[str]] = {}  # digests of the entries left out, by where an element stands for them
    length = position = 0
    run: list[str] = []
    run_end = -1  # of the entries that the last element stands for
    for start, end, name in _candidates(document):
        digest = _digest(document[start:end], around)
        if digest not in known:
            continue
        if run_end >= 0 and not document[run_end:start].strip():
            run.append(digest)
        else:
            parts += (document[position:start], b"<%b/>" % name)
            run = runs[length + start - position] = [digest]
            length += len(parts[-2]) + len(parts[-1])
        position = run_end = end
    parts.append(document[position:])
    rest = b"".join(parts)
    scanned = scan(rest, base) if runs else None
    if scanned is None or not runs.keys() <= {one.start for one in scanned.entries if one.around == around}:
        return None
    scanned.entries[:] = [
        Range(one.start, one.end, digest, one.around)
        for one in scanned.entries
        for digest in runs.get(one.start, (one.digest,))
    ]
    return rest, scanned


def _candidates(document: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (start, end, name) of what looks like an entry, one after the other."""
    position = 0
    while found := _ENTRY.search(document, position):
        tag = b"</%b>" % found[1]
        end = document.find(tag, found.end())
        if end < 0:
            return
        position = end + len(tag)
        yield found.start(), position, found[1]


def _walk(document: bytes, base: str, *, exact: bool) -> _Walker:
    walker = _Walker(document, base, exact=exact)
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
    return walker


def cut(document: bytes, cuts: Iterable[tuple[int, int]], entries: Iterable[Range] = ()) -> bytes:
    """Return the document without overlong small fields and without some of its entries.

    Args:
        document: as it was scanned.
        cuts: see `Scan.cuts`; each runs from an overlong field's start tag to just before its end tag, and
            both tags are removed.
        entries: of `Scan.entries`, those to leave out.
    """
    left_out = [(entry.start, entry.end) for entry in entries]
    left_out += [(start, document.index(b">", end) + 1) for start, end in cuts]
    parts, position = [], 0
    for start, end in sorted(left_out):
        if start >= position:  # not inside an entry that is left out itself
            parts.append(document[position:start])
            position = end
    parts.append(document[position:])
    return b"".join(parts)

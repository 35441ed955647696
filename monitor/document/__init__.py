"""YAML documents with positions: what every file that an analyst edits is read with.

Rules, lists, feeds and routes come through here, so that all of them report mistakes in one form:
`rules/x.yaml:14:5: error[unknown-key]: unknown key "must_macth" (did you mean "must_match"?)`.

    root, diagnostics = parse("rules/feeds.yaml", data)
    reader = Reader(diagnostics)
    top = reader.mapping(root, ("version", "feeds"), "a feed catalogue")

See `Reader` for the typed getters.
"""

from monitor.document.nodes import (
    Diagnostic,
    Level,
    MappingNode,
    Node,
    Place,
    ScalarNode,
    SequenceNode,
)
from monitor.document.parse import MAX_BYTES, MAX_DEPTH, parse
from monitor.document.reader import Fields, Reader, closest, described

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "Diagnostic",
    "Fields",
    "Level",
    "MappingNode",
    "Node",
    "Place",
    "Reader",
    "ScalarNode",
    "SequenceNode",
    "closest",
    "described",
    "parse",
]

"""Holds a webhook's body to what its receiver takes: a text too long is cut, never a message lost; pure.

The shipped templates keep inside these limits by themselves (`clip`, `$lines`); this is the net below
templates that people edit. `Renderer.check` tells when it is needed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from monitor.channels.filters import cut_utf16, utf16

if TYPE_CHECKING:
    from monitor.channels.structure import Json

_ELLIPSIS = "\u2026"
_SHORTEST = 40  # texts below this are not cut to make a body smaller: ids, dates, names
_LINK = re.compile(r"https?://\S+\Z")
_ROUNDS = 10_000  # of making a body smaller; each takes away a tenth of its longest text or list


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a receiver."""

    path: str  # "blocks[].text.text": from the document down, [] = every element; "" = the document
    most: int
    # length: UTF-16 code units of a text; bytes: UTF-8 of a text, or of the document as JSON;
    # elements: of a list; texts: UTF-16 code units of all texts below, whose longest ones are cut.
    unit: Literal["length", "bytes", "elements", "texts"] = "length"


def too_large(document: Json, limits: tuple[Limit, ...]) -> bool:
    """Tell whether the document as a whole is beyond one of the limits."""
    return any(not limit.path and _size(document, limit) > limit.most for limit in limits)


def fit(document: Json, limits: tuple[Limit, ...]) -> tuple[Json, tuple[str, ...]]:
    """Return the document inside all limits, and what had to be cut, a sentence each.

    Args:
        document: as filled; it is not changed.
        limits: those of single texts before those of the whole.
    """
    cuts: list[str] = []
    made: Json = json.loads(json.dumps(document))
    for limit in limits:
        made = _at(made, _steps(limit.path), limit, cuts)
    return made, tuple(cuts)


def _steps(path: str) -> list[str]:
    return [step for step in path.replace("[]", ".[]").split(".") if step]


def _at(value: Json, steps: list[str], limit: Limit, cuts: list[str]) -> Json:
    """Return `value` with what stands at the end of `steps` held to the limit."""
    if not steps:
        return _held(value, limit, cuts)
    step, rest = steps[0], steps[1:]
    if step == "[]":
        return [_at(element, rest, limit, cuts) for element in value] if isinstance(value, list) else value
    if isinstance(value, dict) and step in value:
        return {**value, step: _at(value[step], rest, limit, cuts)}
    return value


def _held(value: Json, limit: Limit, cuts: list[str]) -> Json:
    size = _size(value, limit)
    if size <= limit.most:
        return value
    unit = {"length": "characters", "texts": "characters"}.get(limit.unit, limit.unit)
    cuts.append(f"{limit.path or 'the body'} has {size} {unit}, {limit.most} are taken")
    if isinstance(value, list) and limit.unit == "elements":
        return value[: limit.most]
    if isinstance(value, str):
        return _cut(value, limit)
    return _smaller(value, limit)


def _size(value: Json, limit: Limit) -> int:
    if limit.unit == "elements":
        return len(value) if isinstance(value, list) else 0
    if isinstance(value, str):
        return len(value.encode()) if limit.unit == "bytes" else utf16(value)
    if limit.unit == "bytes":
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
    return sum(utf16(text) for *_, text in _texts(value)) if limit.unit == "texts" else 0


def _cut(text: str, limit: Limit) -> str:
    """Return the beginning of `text`, cut at a line's end if there is one near: markup stays whole."""
    room = limit.most - (len(_ELLIPSIS.encode()) if limit.unit == "bytes" else 1)
    if limit.unit == "bytes":
        kept = text.encode()[: max(room, 0)].decode("utf-8", "ignore")
    else:
        kept = cut_utf16(text, max(room, 0))
    line = kept.rfind("\n")
    return (kept[:line] if line > len(kept) // 2 else kept) + _ELLIPSIS


def _smaller(value: Json, limit: Limit) -> Json:
    """Shorten the longest text again and again until all of `value` fits; then drop lists' last elements."""
    for _ in range(_ROUNDS):
        if _size(value, limit) <= limit.most:
            break
        texts = [(utf16(text), place, key) for place, key, text in _texts(value) if not _LINK.match(text)]
        longest = max(texts, key=lambda one: one[0], default=None)
        if longest and longest[0] > _SHORTEST:
            size, place, key = longest
            place[key] = _cut(place[key], Limit("", size * 9 // 10))
        else:
            lists = list(_lists(value))
            most = max(lists, key=len, default=None)
            if not most:
                break
            del most[-max(1, len(most) // 10) :]
    return value


def _texts(value: Json) -> list[tuple[Any, Any, str]]:
    """Return (container, key or index, text) of every text below `value`."""
    if not isinstance(value, dict | list):
        return []
    members: Any = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, Any, str]] = []
    for key, member in members:
        found += [(value, key, member)] if isinstance(member, str) else _texts(member)
    return found


def _lists(value: Json) -> list[list[Json]]:
    if isinstance(value, list):
        return [value, *(inner for element in value for inner in _lists(element))]
    if isinstance(value, dict):
        return [inner for member in value.values() for inner in _lists(member)]
    return []

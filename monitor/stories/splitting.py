"""Undo a merge: an item, and those that joined through it, leave their story for one of their own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.models import StoryLayer, stable_id
from monitor.stories.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.models import Item, StoryMember


def split(story: Sequence[tuple[StoryMember, Item]], item_id: str) -> tuple[StoryMember, ...]:
    """Return the members that move, each with its new place.

    They are the item and, step by step, those whose matched item moves: without it they would not have
    joined. The item's reason says where it was; the others keep theirs.

    Args:
        story: all members of the story with their items.
        item_id: the item that should not have joined.

    Raises:
        KeyError: it is not in the story.
        ValueError: it opened the story; the others are told apart from it, not it from them.
    """
    members = {member.item_id: member for member, _ in story}
    first = members[item_id]
    if first.layer in (StoryLayer.NEW, StoryLayer.SPLIT):
        raise ValueError("it opened the story: split off the item that joined wrongly")
    joined: dict[str, list[str]] = defaultdict(list)
    for member, _ in story:
        joined[member.matched_item_id].append(member.item_id)
    moving, found = [item_id], {item_id}
    for one in moving:
        more = [other for other in joined[one] if other not in found]
        moving += more
        found.update(more)
    story_id = stable_id("story", item_id)
    matched = next((other for _, other in story if other.item_id == first.matched_item_id), None)
    beside = f" beside {quoted(matched)}" if matched else ""
    own = replace(
        first,
        story_id=story_id,
        layer=StoryLayer.SPLIT,
        matched_item_id="",
        score=1.0,
        reason=f"Split off by hand; before, it stood{beside}: {first.reason}",
        why=None,
        novel=(),
    )
    return (own, *(replace(members[one], story_id=story_id) for one in moving[1:]))

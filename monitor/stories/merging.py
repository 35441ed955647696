"""Make two stories one by hand: the older id survives, and a split of the other's first item undoes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.models import StoryLayer, stable_id
from monitor.stories.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.models import Item, StoryMember

    Story = Sequence[tuple[StoryMember, Item]]

_OPENS = frozenset({StoryLayer.NEW, StoryLayer.SPLIT})


def older_first(one: Story, other: Story) -> tuple[Story, Story]:
    """Return two stories, the one whose first report was seen first before the other; of equals by id."""
    first, second = sorted((one, other), key=_age)
    return first, second


def merge(older: Story, younger: Story) -> tuple[StoryMember, ...]:
    """Return the members of `younger`, each with its place in `older`.

    The item that opened the younger story joins the opener of the older one; those that joined through it
    keep their reasons. What joined through an item that is no longer kept hangs on the opener from now on,
    so that `splitting.split` of the opener gives back the whole of its story, under its id.

    Args:
        older: all members of the story whose id survives, with their items; at least one.
        younger: all members of the other one.
    """
    story_id = older[0][0].story_id
    beside, first = _opener(older), _opener(younger)
    kept = {member.item_id for member, _ in younger}
    opener = replace(
        first[0],
        story_id=story_id,
        layer=StoryLayer.MERGED,
        matched_item_id=beside[0].item_id,
        score=1.0,
        reason=f"Merged by hand with the story of {quoted(beside[1])}; before, it opened a story of its own.",
        why=None,
        related=(),
        novel=(),
    )
    rest = (member for member, _ in younger if member.item_id != opener.item_id)
    return (
        opener,
        *(
            replace(
                member,
                story_id=story_id,
                matched_item_id=member.matched_item_id if member.matched_item_id in kept else opener.item_id,
            )
            for member in rest
        ),
    )


def was_merged(story: Story, story_id: str) -> bool:
    """Return whether the story of that id, or of an id that begins so, was merged into `story` before."""
    return any(
        member.layer is StoryLayer.MERGED and stable_id("story", member.item_id).startswith(story_id)
        for member, _ in story
    )


def _opener(story: Story) -> tuple[StoryMember, Item]:
    """Return the item that opened a story, or the earliest that is kept."""
    ordered = sorted(story, key=lambda pair: (pair[0].event_at, pair[0].item_id))
    return next((pair for pair in ordered if pair[0].layer in _OPENS), ordered[0])


def _age(story: Story) -> tuple[float, str]:
    """Return when the first report of a story was seen, in seconds since the epoch, and its id."""
    seen = (item.first_seen_at or member.event_at for member, item in story)
    return min(at.timestamp() for at in seen), story[0][0].story_id

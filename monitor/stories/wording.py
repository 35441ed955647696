"""The sentences that say why an item is in its story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from monitor.models import Comparison, Item
    from monitor.stories.linking import Bond

_SHOWN: Final = 80  # characters of a headline in a reason


def same(what: str, other: Item) -> str:
    """Return the sentence for an exact layer; `what` is "address" or "headline"."""
    return f"Same {what} as {quoted(other)}."


def same_text(score: float, other: Item) -> str:
    """Return the sentence for nearly equal texts."""
    return f"{score:.0%} the same text as {quoted(other)}."


def joined(why: Comparison, other: Item) -> str:
    """Return the sentence for one development in other words, or in another language."""
    common = in_common(why)
    return f"Probably the same development as {quoted(other)} ({how_near(why)})" + (
        f": {common}." if common else "."
    )


def how_near(why: Comparison) -> str:
    """Return how near two items are, in words: "62 %, 3 h apart", "81 % near in meaning, 3 h apart"."""
    parts = [percent(why.score)] if why.score or not why.near else []
    parts += [f"{percent(why.near)} near in meaning"] if why.near else []
    parts += [] if why.score or not why.near else ["in another language"]
    return ", ".join((*parts, apart(why.hours)))


def new(moved: Item | None, alone: Bond | None, nearest: Comparison | None, hours: int) -> str:
    """Return the sentence for an item that opens a story.

    Args:
        moved: what its address told before.
        alone: a large story of which one member alone agreed.
        nearest: the comparison with the story that came nearest, if any came near.
        hours: of the window.
    """
    if moved is not None:
        return f"The address was that of {quoted(moved)}, but headline and text are others now."
    if alone is not None:
        near = f"{quoted(alone.item)} ({percent(alone.scores[0])})"
        return f"Only {near} of a story of {alone.size} items tells the same; a second one has to agree."
    if nearest is not None:
        return (
            f"No item of the last {hours} h tells the same; "
            f"the nearest is {in_quotes(nearest.title)} ({how_near(nearest)})."
        )
    return f"No item of the last {hours} h has this address, headline or text, or tells the same."


def in_common(why: Comparison) -> str:
    """Return what two items have in common, in words; "" when there is nothing to name."""
    # A name is told once, whether or not it is rare, too.
    words = [word for word in why.words if word not in why.names]
    parts = (
        ("rare words in common", words),
        ("names", why.names),
        ("numbers", why.numbers),
    )
    return "; ".join(f"{label} {', '.join(found)}" for label, found in parts if found)


def apart(hours: float) -> str:
    """Return a distance in time for people."""
    return f"{60 * hours:.0f} min apart" if hours < 1 else f"{hours:.0f} h apart"


def percent(score: float) -> str:
    """Return a probability; never "100 %", which no comparison is."""
    return f"{min(99, round(100 * score))} %"


def quoted(item: Item) -> str:
    """Return an item's headline in quotation marks, on one line."""
    return in_quotes(item.title)


def in_quotes(headline: str) -> str:
    """Return a headline in quotation marks, on one line."""
    title = " ".join(headline.split())
    return f"“{title if len(title) <= _SHOWN else title[: _SHOWN - 1].rstrip() + '…'}”"


def weighed_most(why: Comparison) -> str:
    """Return the features that weighed most, with the log-odds that each added."""
    return ", ".join(f"{label} {amount:+.1f}" for label, amount in why.contributions)


def as_dict(why: Comparison) -> dict[str, Any]:
    """Return a comparison for JSON."""
    return {
        "item": why.item_id,
        "story": why.story_id,
        "title": why.title,
        "score": why.score,
        "near": why.near,
        "hours": why.hours,
        "words": list(why.words),
        "names": list(why.names),
        "numbers": list(why.numbers),
        "contributions": [{"feature": label, "log_odds": amount} for label, amount in why.contributions],
    }

"""Hypothesis strategies that several test files share: words, texts, clauses, broken YAML."""

from __future__ import annotations

from hypothesis import strategies as st

# A small alphabet of words makes occurrences, repetitions and overlaps likely.
WORDS = ("envoy", "talks", "moscow", "truce", "border", "visit")
FILLERS = ("the", "on", "a", "report", "says")

words = st.sampled_from(WORDS)
headlines = st.lists(st.sampled_from(WORDS + FILLERS), min_size=0, max_size=14).map(" ".join)
passages = st.lists(headlines, min_size=1, max_size=4).flatmap(
    lambda parts: st.lists(
        st.sampled_from((". ", "; ", "\n", " ")), min_size=len(parts), max_size=len(parts)
    ).map(
        lambda joints: "".join(part.capitalize() + joint for part, joint in zip(parts, joints, strict=True))
    )
)

# Every script that folding treats in its own way, with marks on their own.
letters = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=0x20, max_codepoint=0x52F),
        st.characters(min_codepoint=0x590, max_codepoint=0x8FF),
        st.characters(min_codepoint=0x1E00, max_codepoint=0x206F),
        st.sampled_from("ёйїßıİŁﬁ①½ａЙ\u0308\u0301\u0306\u0640\u200cأةىی北京'’ʼ"),
        st.characters(),
    ),
    max_size=30,
)

_JUNK = (
    *(
        b"{",
        b"[",
        b"]",
        b"&a ",
        b"*a ",
        b"!t ",
        b"\t",
        b"\n---\n",
        b"? ",
        b": ",
        b"- ",
        b"'",
        b'"',
        b"|",
        b">",
    ),
    *(
        b"%YAML 1.1\n",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\r",
        b"\xff",
        b"\x00",
        b"#",
        b"<<: ",
        b'"\\U00110000"',
        b"~",
    ),
)


@st.composite
def mutations(draw, seed: bytes) -> bytes:
    """Return `seed` with a few bytes removed, repeated, replaced or inserted."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == 1:
            del data[at : at + draw(st.integers(1, 30))]
        elif kind == 2:
            data[at:at] = draw(st.sampled_from(_JUNK))
        else:
            start = draw(st.integers(0, len(data)))
            data[at:at] = data[start : start + draw(st.integers(1, 60))]
    return bytes(data)

"""`monitor match`: one JSON line a hit, whose evidence points into the lines as they were written."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests import installation

RULE = installation.RULE.replace(
    "all: [envoy, lands]",
    "near: [[envoy, переговоры, هدنة, 停火], [lands, Вена, فيينا, 维也纳]]",
)

LINES = [
    {"id": 1, "title": "The envoy lands in Vienna", "summary": "Not a word of it"},
    {"id": "html", "summary": "<p>An <b>env</b>oy&#8217;s plane &amp; escort <i>lands</i></p>"},
    {"id": "two lines", "title": "Переговоры\nВена"},
    {"id": "ru", "title": "&laquo;Вена&raquo; ждёт переговоров", "language": "ru"},
    {"id": "ar", "title": "الهدنة في فيينا", "content": "<div>هُدْنة في <a href='x'>فيينا</a></div>"},
    {"id": "zh", "title": "维也纳停火", "content": "<p>停<wbr>火：维也&shy;纳</p>"},
    {"id": "none", "title": "The minister stays", "summary": None},
]  # fmt: skip


@pytest.fixture
def place(tmp_path):
    place = installation.make(tmp_path, {"outlet": "https://outlet.example/feed"}, rule=RULE)
    place.write("items.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES))
    return place


def test_spans_cut_the_evidence_out_of_the_line(place):
    done = place.run("match", "--rules", ".", "--items", "items.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    hits = {hit["item"]: hit for hit in map(json.loads, done.stdout.splitlines())}
    assert list(hits) == ["1", "html", "ru", "ar", "zh"]
    lines = {str(line["id"]): line for line in LINES}
    for name, hit in hits.items():
        assert set(hit) == {"item", "rule", "severity", "evidence"}
        for piece in hit["evidence"]:
            assert set(piece) == {"field", "start", "end", "text", "entry"}
            assert lines[name][piece["field"]][piece["start"] : piece["end"]] == piece["text"]
    cut = {name: [(piece["field"], piece["text"]) for piece in hit["evidence"]] for name, hit in hits.items()}
    assert cut == {
        "1": [("title", "envoy"), ("title", "lands")],
        "html": [("summary", "env</b>oy"), ("summary", "lands")],
        "ru": [("title", "Вена"), ("title", "переговоров")],
        "ar": [("title", "الهدنة"), ("title", "فيينا"), ("content", "هُدْنة"), ("content", "فيينا")],
        "zh": [("title", "维也纳"), ("title", "停火"), ("content", "停<wbr>火"), ("content", "维也&shy;纳")],
    }


def test_lines_that_cannot_be_read_are_told_and_the_others_matched(place):
    broken = b"\n".join(
        (b"not JSON", b"", b"[1]", b'{"title": "no id"}', b'{"id": 2, "title": 7}', b'{"id": 3}', b"\xff\xfe",
         b'{"id": 4, "title": "envoy lands"}')
    )  # fmt: skip
    place.write("broken.jsonl", broken)
    done = place.run("match", "--rules", ".", "--items", "broken.jsonl")
    assert done.returncode == 1
    assert [json.loads(line)["item"] for line in done.stdout.splitlines()] == ["4"]
    told = done.stderr.splitlines()
    assert [line.split(":")[1] for line in told[:6]] == ["1", "3", "4", "5", "6", "7"]
    assert "6 lines of broken.jsonl could not be read" in done.stderr


def test_standard_input(place):
    done = subprocess.run(
        place.command("match", "--rules", ".", "--items", "-"),
        input=b'{"id": "x", "title": "An envoy lands"}\n',
        env=place.environment, cwd=place.path, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout)["item"] == "x"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--rules", ".", "--items", "gone.jsonl"), 3, "gone.jsonl: cannot be read"),
        (("--rules", "elsewhere", "--items", "items.jsonl"), 3, "elsewhere"),
    ],
)
def test_what_is_not_there_is_named(place, arguments, code, message):
    done = place.run("match", *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_rule_at_all(place):
    place.write("rules/talks/talks.yaml", "rules: [")
    done = place.run("match", "--rules", ".", "--items", "items.jsonl")
    assert done.returncode == 2
    assert "no rule can be used" in done.stderr

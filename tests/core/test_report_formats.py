"""Findings as text, JSON, GitHub commands and JUnit XML: whatever stands in them, readers can read them."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from monitor.cli.report_formats import Report, as_github, as_json, as_junit, as_terminal, as_text
from monitor.document import Diagnostic, Place

anything = st.text(max_size=40)
NASTY = 'a%b\r\n::error::c\x1b[31m,d:e <f> & "g" ]]> \x00\ufffe\ud800\u202e'


def finding(
    text="wrong", *, level="error", file="rules/x.yaml", line=2, column=5, hint="", code="unknown-key"
):
    return Diagnostic(Place(file, line, column), level, code, text, hint)


def report(*findings, sources=None, **more) -> Report:
    files = tuple(dict.fromkeys(one.place.file for one in findings))
    return Report(findings=findings, files=files, sources=sources or {}, **more)


findings = st.builds(
    finding, anything, level=st.sampled_from(("error", "warning")), file=st.sampled_from(("a", "b c", NASTY)),
    line=st.integers(1, 4), column=st.integers(1, 60), hint=anything,
)  # fmt: skip
reports = st.lists(findings, max_size=6).map(lambda found: report(*found))


# --- text ------------------------------------------------------------------------------------------


def test_text_is_one_line_a_finding():
    found = report(finding("no", hint="yes"), finding("a\nb\x1b[2J"))
    assert as_text(found) == (
        "rules/x.yaml:2:5: error[unknown-key]: no (yes)\n"
        "rules/x.yaml:2:5: error[unknown-key]: a\ufffdb\ufffd[2J\n"
    )


@given(reports)
def test_text_has_as_many_lines_as_findings(found):
    assert as_text(found).count("\n") == len(found.findings)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", as_text(found))


# Each case: source line, column, the marked part.
MARKS = [
    ("    must_macth: [a]", 5, "must_macth"),
    ("    severity: hihg # why", 15, "hihg"),
    ('    - "two words" ', 7, '"two words"'),
    ("    - 'it''s so'", 7, "'it''s so'"),
    ("    all: [$no_such, b]", 11, "$no_such"),
    ("    - {a: b}", 7, "{"),  # what begins a mapping is marked by its first character
    ("  日本語: 東京 と", 8, "東京"),  # wide characters take two columns each
    ("end", 4, ""),  # behind the end, where something is missing
]


@pytest.mark.parametrize(("line", "column", "marked"), MARKS)
def test_the_mark_stands_under_the_word(line, column, marked):
    text = as_terminal(
        report(finding(column=column), sources={"rules/x.yaml": f"first\n{line}\n"}), 100
    ).plain
    _, source, mark, _ = text.split("\n")
    assert source == f"    2 | {line.rstrip()}"
    before, carets = re.fullmatch(r"( {5} \|  *?)(\^+)", mark).groups()
    assert cell_len(before) == cell_len(f"    2 | {line[: column - 1]}")
    assert len(carets) == max(1, cell_len(marked))


def test_long_lines_are_cut_around_the_place():
    line = "x " * 300 + "wrong " + "y " * 300
    found = report(finding(column=601), sources={"rules/x.yaml": f"\n{line}"})
    _, source, mark, _ = as_terminal(found, 80).plain.split("\n")
    assert cell_len(source) <= 80
    start = mark.index("^")
    assert source[start:].startswith("wrong")
    assert source.endswith("…")


@given(findings, anything, st.integers(20, 200))
@example(finding(column=50), "日" * 200, 20)
def test_a_terminal_is_never_steered_by_a_file(found, source, width):
    text = as_terminal(report(found, sources={found.place.file: source}), width).plain
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


# --- JSON ------------------------------------------------------------------------------------------


@given(reports)
def test_json_says_all(found):
    value = json.loads(as_json(found))
    assert value["version"] == 1
    assert [one["text"] for one in value["findings"]] == [one.text for one in found.findings]
    assert value["errors"] + value["warnings"] == len(found.findings)


def test_json_keys():
    value = json.loads(as_json(report(finding(hint="h"), rules=3, feeds=2, left_out=("a",), elsewhere=4)))
    assert value == {
        "version": 1,
        "findings": [
            {
                "file": "rules/x.yaml", "line": 2, "column": 5, "level": "error", "code": "unknown-key",
                "text": "wrong", "hint": "h",
            }
        ],
        "errors": 1, "warnings": 0, "elsewhere": 4, "files": 1, "rules": 3, "feeds": 2, "recipients": 0,
        "left_out": ["a"],
    }  # fmt: skip


# --- GitHub ----------------------------------------------------------------------------------------

COMMAND = re.compile(r"::(error|warning) (file=[^,:]*),(line=\d+),(col=\d+),(title=[^,:]*)::(.*)")


def unescaped(text: str) -> str:
    for escape, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


@given(reports)
@example(report(finding(NASTY, file=NASTY, hint=NASTY)))
def test_github_commands_say_what_was_found(found):
    lines = as_github(found).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(found.findings)
    for line, one in zip(lines, found.findings, strict=True):
        level, file, _, _, title, message = COMMAND.fullmatch(line).groups()
        assert level == one.level
        assert unescaped(file) == f"file={one.place.file}"
        assert unescaped(title) == f"title=monitor check: {one.code}"
        assert unescaped(message) == one.text + (f" ({one.hint})" if one.hint else "")


def test_github_names_files_inside_the_repository():
    inside = report(finding(file="/srv/repo/rules/x.yaml"), base="/srv/repo")
    outside = report(finding(file="/elsewhere/x.yaml"), base="/srv/repo")
    assert "file=rules/x.yaml," in as_github(inside)
    assert "file=/elsewhere/x.yaml," in as_github(outside)


# --- JUnit -----------------------------------------------------------------------------------------


def test_junit():
    found = report(
        finding("one"),
        finding("two", level="warning"),
        finding("three", file="rules/y.yaml", level="warning"),
    )
    suites = ET.fromstring(as_junit(found))
    suite = suites.find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "2", "failures": "1", "errors": "0", "skipped": "0"
    }  # fmt: skip
    first, second = suite.findall("testcase")
    assert (first.get("name"), second.get("name")) == ("rules/x.yaml", "rules/y.yaml")
    assert first.find("failure").get("message") == "one"
    assert first.find("failure").text == "rules/x.yaml:2:5: error[unknown-key]: one"
    assert "two" in first.find("system-out").text
    assert second.find("failure") is None


def test_junit_counts_warnings_when_strict():
    suites = ET.fromstring(as_junit(report(finding(level="warning"), strict=True)))
    assert suites.get("failures") == "1"


def test_junit_lists_files_without_findings():
    found = Report(findings=(), files=("rules/feeds.yaml", "rules/routes.yaml"), sources={})
    suites = ET.fromstring(as_junit(found))
    assert [case.get("name") for case in suites.iter("testcase")] == ["rules/feeds.yaml", "rules/routes.yaml"]
    assert suites.get("failures") == "0"


@given(reports)
@example(report(finding(NASTY, file=NASTY, hint=NASTY)))
def test_junit_is_xml_whatever_was_found(found):
    suites = ET.fromstring(as_junit(found).encode())
    assert len(list(suites.iter("testcase"))) == len({one.place.file for one in found.findings})
    failing = {one.place.file for one in found.findings if one.level == "error"}
    assert len(list(suites.iter("failure"))) == len(failing)

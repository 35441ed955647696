"""Findings about files as text, JSON, GitHub workflow commands and JUnit XML: one function each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from monitor.cli.output import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.document import Diagnostic

JSON_VERSION: Final = 1  # of the object that `as_json` writes; keys are only added within a version


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"  # for people: a terminal, a log
    JSON = "json"  # for programs
    GITHUB = "github"  # for annotations beside the changed lines of a pull request
    JUNIT = "junit"  # for the test reports of other build servers


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and what was found."""

    findings: tuple[Diagnostic, ...]  # those to show, by place
    files: tuple[str, ...]  # every file that was checked, named as in the findings
    sources: Mapping[str, str]  # contents of files by that name, as far as they are text
    rules: int = 0  # how many can be used
    feeds: int = 0
    recipients: int = 0
    left_out: tuple[str, ...] = ()  # ids of rules with errors
    elsewhere: int = 0  # findings in files that were read but not asked about
    strict: bool = False  # warnings count as errors
    base: str = ""  # absolute directory that relative names of files are relative to

    @property
    def errors(self) -> int:
        """Return how many of the findings are errors."""
        return sum(finding.level == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """Return how many of the findings are warnings."""
        return len(self.findings) - self.errors

    @property
    def failed(self) -> bool:
        """Tell whether something has to be mended."""
        return self.errors > 0 or (self.strict and self.warnings > 0)


# --- text ------------------------------------------------------------------------------------------

_STYLES: Final = {"error": "bold red", "warning": "yellow"}
_MARKED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s,\[\]{}:]+")
_HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")  # as YAML counts lines
_CONTEXT: Final = 30  # columns kept before the place when a long line is cut


def as_text(report: Report) -> str:
    """Return one line a finding: `file:line:column: error[code]: text (hint)`."""
    return "".join(f"{one_line(str(finding))}\n" for finding in report.findings)


def as_terminal(report: Report, width: int) -> Text:
    """Return the findings in colour, each with its source line and a mark under the place.

    Args:
        report: what was found.
        width: columns of the terminal; longer source lines are cut around the place.
    """
    text = Text()
    lines = {file: _LINE_BREAK.split(source) for file, source in report.sources.items()}
    for finding in report.findings:
        place, style = finding.place, _STYLES[finding.level]
        text.append(one_line(str(place)), "bold").append(": ")
        text.append(f"{finding.level}[{finding.code}]", style).append(f": {one_line(finding.text)}")
        if finding.hint:
            text.append(f" ({one_line(finding.hint)})", "cyan")
        text.append("\n")
        source = lines.get(place.file, ())
        if place.line <= len(source):
            _append_source(text, source[place.line - 1], place.line, place.column, width, style)
    return text


def _append_source(text: Text, line: str, number: int, column: int, width: int, style: str) -> None:
    """Append a source line and, under it, a mark as wide as the word at `column`."""
    found = _MARKED.match(line, column - 1)
    # Control characters would move the cursor, and marks of direction the columns.
    line = _HIDDEN.sub(" ", line)
    before = line[: column - 1]
    marked = line[column - 1 : found.end()] if found else ""
    after = line[column - 1 + len(marked) :]
    gutter = f"{number:>5} | "
    room = max(20, width - len(gutter) - 1)
    if cell_len(line) > room:
        if cell_len(before) > _CONTEXT:
            before = "…" + before[-_CONTEXT:]
        marked = _cut(marked, room - cell_len(before))
        after = _cut(after, room - cell_len(before) - cell_len(marked))
    text.append(gutter, "dim").append(before).append(marked, style).append(f"{after.rstrip()}\n")
    text.append(f"{'':>5} | ", "dim").append(" " * cell_len(before))
    text.append("^" * max(1, cell_len(marked)), style).append("\n")


def _cut(text: str, room: int) -> str:
    return text if cell_len(text) <= room else set_cell_size(text, max(0, room - 1)).rstrip() + "…"


def one_line(text: str) -> str:
    """Return `text` without what would break a line or steer a terminal (names of files may hold it)."""
    return _HIDDEN.sub("\ufffd", text)


# --- for programs --------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """Return one JSON object in one line."""
    value: dict[str, Any] = {
        "version": JSON_VERSION,
        "findings": [
            {
                "file": finding.place.file,
                "line": finding.place.line,
                "column": finding.place.column,
                "level": finding.level,
                "code": finding.code,
                "text": finding.text,
                "hint": finding.hint,
            }
            for finding in report.findings
        ],
        "errors": report.errors,
        "warnings": report.warnings,
        "elsewhere": report.elsewhere,
        "files": len(report.files),
        "rules": report.rules,
        "feeds": report.feeds,
        "recipients": report.recipients,
        "left_out": list(report.left_out),
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def as_github(report: Report) -> str:
    """Return one workflow command a finding.

    The escapes are those of GitHub's own toolkit
    (https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts).
    """
    lines = []
    for finding in report.findings:
        message = finding.text + (f" ({finding.hint})" if finding.hint else "")
        properties = {
            "file": _relative(finding.place.file, report.base),
            "line": str(finding.place.line),
            "col": str(finding.place.column),
            "title": f"monitor check: {finding.code}",
        }
        said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        lines.append(f"::{finding.level} {said}::{_data(message)}\n")
    return "".join(lines)


def _relative(file: str, base: str) -> str:
    """Return `file` relative to `base` when it lies in it: annotations need names inside the repository."""
    path = PurePath(file)
    return path.relative_to(base).as_posix() if base and path.is_relative_to(base) else file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# Everything but the characters of XML 1.0 (https://www.w3.org/TR/xml/#charsets).
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report) -> str:
    """Return a JUnit report: each file is a test case, which fails with its errors.

    A case has at most one `failure`, which lists all errors, because many readers show only the first;
    warnings are output of the case.
    """
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in report.files}
    for finding in report.findings:
        by_file.setdefault(finding.place.file, []).append(finding)
    suites = ET.Element("testsuites", name="monitor check")
    suite = ET.SubElement(suites, "testsuite", name="monitor check")
    failures = 0
    for file, found in by_file.items():
        case = ET.SubElement(suite, "testcase", classname="monitor.check", name=_xml(file), time="0")
        case.set("file", _xml(file))
        failing = [one for one in found if report.strict or one.level == "error"]
        if failing:
            failures += 1
            _failure(case, failing)
        rest = [one for one in found if one not in failing]
        if rest:
            ET.SubElement(case, "system-out").text = _listed(rest)
    for element in (suites, suite):
        element.set("tests", str(len(by_file)))
        element.set("failures", str(failures))
        element.set("errors", "0")
        element.set("time", "0")
    suite.set("skipped", "0")
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _failure(case: ET.Element, failing: Sequence[Diagnostic]) -> None:
    first = failing[0]
    message = first.text if len(failing) == 1 else f"{plural(len(failing), 'finding')}; first: {first.text}"
    failure = ET.SubElement(case, "failure", message=_xml(message), type=first.code)
    failure.text = _listed(failing)


def _listed(findings: Sequence[Diagnostic]) -> str:
    return _xml("\n".join(one_line(str(finding)) for finding in findings))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


RENDERERS: Final[Mapping[Format, Callable[[Report], str]]] = {
    Format.TEXT: as_text,
    Format.JSON: as_json,
    Format.GITHUB: as_github,
    Format.JUNIT: as_junit,
}

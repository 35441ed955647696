"""`monitor check` and `monitor schema` as people and build servers run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from monitor.cli import call
from tests import installation

GOOD_LISTS = "lists: {capitals: {kind: place, en: [Doha]}}\n"


class Here(installation.Installation):
    """An installation that is checked within this process: a start of the program costs seconds."""

    def run(self, *arguments: str, where: str = ".") -> subprocess.CompletedProcess[str]:
        before = Path.cwd()
        os.chdir(self.path / where)
        self.capture.readouterr()
        try:
            code = call(arguments)
        finally:
            os.chdir(before)
        said = self.capture.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)


@pytest.fixture
def place(tmp_path, capsys):
    place = Here(installation.make(tmp_path, {"outlet": "https://example.org/feed"}).path)
    place.capture = capsys
    return place


def found_in(done) -> list[dict]:
    assert "Traceback" not in done.stderr, done.stderr
    return json.loads(done.stdout)["findings"]


# --- every mistake in one run ----------------------------------------------------------------------
# `#! code` at the end of a line: the finding that has to point at it.

MISTAKES = {
    "rules/talks/talks.yaml": """\
version: 1
defaults: {owner: desk, topic: talks, severity: high}
rules:
  - id: envoy-arrives
    title: An envoy arrives
    severity: hihg #! unknown-value
    when: {all: [envoy, arrives]}
    must_macth: [An envoy arrives] #! unknown-key
    must_not_match: [1943] #! not-text
  - id: Envoy Leaves #! bad-id
    title: An envoy leaves
    when:
      any: envoy #! not-a-list
    expires: soon #! not-a-date
  - id: ground-claimed
    title: #! missing-value
    when:
      near: [claim] #! near-operands
      within: page #! unknown-value
    corroborate: {sources: 1, within: 6} #! out-of-range not-a-duration
  - id: answer-given
    title: An answer is given
    when:
      any:
        - US #! acronym-is-word
        - $capitols #! unknown-name
        - nearby: [yes] #! unknown-clause
        - regex: '(?<=a)b' #! bad-regex
    tags: [urgent] #! bad-tag
  - id: no-tests #! no-tests no-tests
    title: Nothing is proven
    when: {all: [talks]}
""",
    "rules/lists/people.yaml": """\
version: 2 #! unknown-version
lists:
  envoys:
    kind: persn #! unknown-value
    entries:
      - name: Espen Barth Eide
        form: {ru: [Эйде]} #! unknown-key
      - match: [Barth Eide] #! missing-key
      - name: Mediator
        forms: {russian: [посредник]} #! unknown-value
        valid: {from: 2025-13-01} #! not-a-date
  hosts:
    kind: place
    en: [Doha, 1943, "…"] #! not-text no-word
  Our Hosts: #! bad-name
    kind: place
    en: [Doha]
  empty_one: {kind: place} #! empty
  words:
    kind: vocabulary
    en: arrive #! not-a-list
  hosts: {kind: place, en: [Vienna]} #! duplicate-key
macros:
  arrival: [arrive, land] #! list-as-clause
  circle: {any: [$circle]} #! cycle
extend:
  no_such_list: {add: [x]} #! unknown-name
""",
    "rules/feeds.yaml": """\
version: 1
feeds:
  - id: Example World #! bad-id
    url: https://example.org/world.xml
  - id: no-scheme
    url: example.org/no-scheme.xml #! unsafe-scheme
  - id: with-password
    url: https://desk:secret@example.org/a.xml #! secret-in-file
  - id: values
    url: https://example.org/values.xml
    tier: press #! unknown-value
    country: England #! bad-country
    language: "?" #! bad-language
    expect_every: 6 #! not-a-duration
    enabled: no #! not-a-boolean
    teir: wire #! unknown-key
    password_env: "s3cret!" #! bad-name
    headers: {Host: example.org} #! bad-header
  - id: no-url #! missing-key
    tier: wire
  - id: values #! duplicate-id
    url: https://example.org/other.xml
  - id: same-url
    url: https://example.org/values.xml #! duplicate-url
  - https://example.org/bare.xml #! not-a-mapping
""",
    "rules/routes.yaml": """\
version: 1
recipients:
  - id: desk
    email: {to: [Desk <desk@example.org>]} #! bad-address
    timezone: Brussels #! unknown-timezone
    quiet: [after ten] #! bad-quiet
    bypass: always #! unknown-value
    digest: [17:30] #! not-text
  - id: nobody #! no-channel
    timezone: UTC
  - id: boss
    email: {to: boss@example.org}
    timezone: UTC
  - id: boss #! duplicate-recipient
    email: {to: boss@example.org}
    timezone: UTC
  - id: hook
    webhook: {secret_env: HOOK_SECRET} #! webhook-url
    timezone: UTC
routes:
  - {match: {severity: ">high"}, to: [desk]} #! no-default-route unknown-value
  - {match: {}, to: [boss]} #! empty-match
  - {match: {topic: talks}, to: [dsek]} #! unknown-recipient
  - {match: {tipic: talks}, to: [boss], as: mail} #! unknown-key unknown-value
tests:
  - {alert: {topic: talks}, at: noon, expect: {desk: now}} #! not-a-time
""",
}

# What to do: in the hint, or in the text, where that names what is accepted.
MEND = re.compile(r"put it in quotes|is not one of|expected |needs |reads version|sentence, paragraph or")


def expected(file: str) -> dict[int, list[str]]:
    return {
        number: sorted(found[1].split())
        for number, line in enumerate(MISTAKES[file].splitlines(), 1)
        if (found := re.search("#! (.*)", line))
    }


@pytest.mark.parametrize("file", MISTAKES)
def test_every_mistake_is_told_in_one_run_with_its_line_and_the_mend(place, file):
    assert sum(map(len, expected(file).values())) >= 12
    place.write("rules/lists/good.yaml", GOOD_LISTS)
    place.write(file, MISTAKES[file])
    done = place.run("check", file, "--format", "json")
    assert done.returncode == 1
    told = defaultdict(list)
    for one in found_in(done):
        assert one["file"] == file
        assert one["hint"] or MEND.search(one["text"]), one
        if one["level"] == "error":
            told[one["line"]].append(one["code"])
    assert {line: sorted(codes) for line, codes in told.items()} == expected(file)


def test_all_files_are_told_together(place):
    place.write("rules/lists/good.yaml", GOOD_LISTS)
    for file, text in MISTAKES.items():
        place.write(file, text)
    done = place.run("check")
    assert done.returncode == 2  # nothing of it can be used
    lines = done.stdout.splitlines()
    assert len(lines) == sum(len(codes) for file in MISTAKES for codes in expected(file).values())
    assert all(re.fullmatch(r"rules/\S+\.yaml:\d+:\d+: error\[[a-z0-9-]+\]: .+", line) for line in lines)
    assert f"{len(lines)} errors" in done.stderr


# --- what is asked about ---------------------------------------------------------------------------

UNKNOWN = installation.RULE.replace("must_match", "must_macth").replace("envoy-lands", "envoy-flies")
BROKEN = {"rules/talks/own.yaml": UNKNOWN, "rules/visits/visits.yaml": UNKNOWN.replace("flies", "drives")}

# Each case: working directory, arguments, files whose findings are shown.
ASKED = [
    (".", [], ["rules/talks/own.yaml", "rules/visits/visits.yaml"]),
    (".", ["."], ["rules/talks/own.yaml", "rules/visits/visits.yaml"]),
    (".", ["rules"], ["rules/talks/own.yaml", "rules/visits/visits.yaml"]),
    ("rules", [], ["talks/own.yaml", "visits/visits.yaml"]),
    (".", ["rules/talks"], ["rules/talks/own.yaml"]),
    ("rules/talks", [], ["own.yaml"]),
    ("rules/talks", ["own.yaml"], ["own.yaml"]),
    ("rules/talks", ["../visits/visits.yaml"], ["../visits/visits.yaml"]),
    ("rules/talks", [".."], ["own.yaml", "../visits/visits.yaml"]),
    (".", ["rules/talks/own.yaml", "rules/visits"], ["rules/talks/own.yaml", "rules/visits/visits.yaml"]),
    (".", ["rules/talks/talks.yaml"], []),
    (".", ["rules/feeds.yaml"], []),
]


@pytest.mark.parametrize(("where", "arguments", "shown"), ASKED)
def test_what_is_asked_about_is_told(place, where, arguments, shown):
    for file, text in BROKEN.items():
        place.write(file, text)
    done = place.run("check", *arguments, "--format", "json", where=where)
    assert sorted({one["file"] for one in found_in(done)}) == sorted(shown)
    assert done.returncode == (1 if shown else 0)
    # must_macth, and no-tests because nothing stands under must_match, are told of either file.
    assert json.loads(done.stdout)["elsewhere"] == (0 if len(shown) == 2 else 2 - len(shown))


def test_the_whole_tree_is_read_so_that_names_resolve(place):
    place.write("rules/lists/good.yaml", GOOD_LISTS)
    place.write(
        "rules/own/own.yaml", UNKNOWN.replace("must_macth", "must_match").replace("[envoy,", "[$capitals,")
    )
    done = place.run("check", "rules/own/own.yaml")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_file_without_a_tree_is_read_alone(place, tmp_path_factory):
    alone = tmp_path_factory.mktemp("elsewhere") / "own.yaml"
    alone.write_text(installation.RULE)
    done = place.run("check", str(alone))
    assert (done.returncode, done.stdout) == (0, "")
    alone.write_text(UNKNOWN)
    done = place.run("check", str(alone))
    assert done.stdout.startswith(f"{alone}:10:5: error[unknown-key]")
    assert done.returncode == 2  # nothing of it can be used


def test_templates_are_told_with_their_place(place):
    file = place.write("templates/email/alert.txt", "first\n{{ alert.titel }}\n")
    for arguments in (["templates"], [str(file)], []):
        (one,) = found_in(place.run("check", *arguments, "--format", "json"))
        assert one["code"] == "bad-template"
        assert one["file"].endswith("templates/email/alert.txt")
        assert one["line"] == 2
    file.write_bytes(b"\xff\xfe")
    done = place.run("check")
    assert done.returncode == 1
    assert "UTF-8" in done.stdout
    assert found_in(place.run("check", "rules", "--format", "json"))


def test_settings_that_would_stop_the_monitor_are_told(place):
    env = place.path / "monitor.env"
    env.write_text("MONITOR_SEMANTIC_MODEL=models/none\n")
    (one,) = found_in(place.run("check", "--format", "json"))
    assert (one["code"], one["level"]) == ("bad-setting", "error")
    assert one["file"].endswith("monitor.env")
    assert "models/none is no directory; name one that holds a model2vec model" in one["text"]
    assert place.run("check").returncode == 1
    assert found_in(place.run("check", "rules/feeds.yaml", "--format", "json")) == []
    env.write_text("MONITOR_STORY_GROUPING=loose\n")
    (one,) = found_in(place.run("check", "--format", "json"))
    assert "MONITOR_STORY_GROUPING" in one["text"]


# Each case: arguments, what is said.
REFUSED = [
    (["no-such-place"], "no such file or directory"),
    (["monitor.env"], "no part of the rules"),
    (["rules/talks/.hidden.yaml"], "do not begin with a dot"),
    (["--format", "xml"], "--format"),
    (["--explain", "unknwon-key"], 'did you mean "unknown-key"?'),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_usage(place, arguments, said):
    place.write("monitor.env", "")
    place.write("rules/talks/.hidden.yaml", "")
    done = place.run("check", *arguments)
    assert done.returncode == 3
    assert said in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_a_file_that_cannot_be_read(place):
    (place.path / "rules" / "gone.yaml").symlink_to(place.path / "nowhere.yaml")
    done = place.run("check", "rules/gone.yaml")
    assert done.returncode == 3
    assert "no such file" in done.stderr


# --- formats ---------------------------------------------------------------------------------------


@pytest.fixture
def broken(place):
    place.write("rules/talks/own.yaml", UNKNOWN)
    return place


def test_text_is_plain_when_piped(broken):
    done = broken.run("check", "rules/talks/own.yaml")
    assert done.stdout == (
        "rules/talks/own.yaml:10:5: error[unknown-key]: "
        'unknown key "must_macth" (did you mean "must_match"?)\n'
    )
    assert "1 error, 0 warnings" in done.stderr
    assert "--explain CODE" in done.stderr


def test_text_shows_the_line_in_a_terminal(broken):
    terminal = installation.Installation(broken.path, {"FORCE_COLOR": "1"})
    done = terminal.run("check", "rules/talks/own.yaml")
    assert "\x1b[" in done.stdout
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).splitlines()
    assert plain[1:] == [
        '   10 |     must_macth: ["The envoy lands in Vienna"]',
        "      |     ^^^^^^^^^^",
    ]


def test_github(broken):
    done = broken.run("check", str(broken.path), "--format", "github")
    assert done.stdout.startswith(
        "::error file=rules/talks/own.yaml,line=10,col=5,title=monitor check%3A unknown-key::"
    )


def test_junit(broken):
    done = broken.run("check", "--format", "junit")
    suites = ET.fromstring(done.stdout)
    cases = {case.get("name"): case for case in suites.iter("testcase")}
    assert set(cases) == {
        "rules/feeds.yaml", "rules/routes.yaml", "rules/talks/own.yaml", "rules/talks/talks.yaml"
    }  # fmt: skip
    assert [name for name, case in cases.items() if case.find("failure") is not None] == [
        "rules/talks/own.yaml"
    ]


def test_strict_counts_warnings(place):
    place.write("rules/lists/good.yaml", GOOD_LISTS)  # which nothing uses
    assert place.run("check").returncode == 0
    done = place.run("check", "--strict")
    assert done.returncode == 1
    assert "warning[unused]" in done.stdout


@pytest.mark.parametrize("kind", ["text", "junit"])
def test_names_that_are_no_text(place, kind):
    name = bytes(place.path) + b"/rules/talks/caf\xe9.yaml"
    Path(os.fsdecode(name)).write_text(UNKNOWN)
    done = subprocess.run(
        installation.Installation(place.path).command("check", "--format", kind),
        env=place.environment,
        cwd=place.path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert b"must_macth" in done.stdout
    assert b"internal error" not in done.stderr


# --- codes -----------------------------------------------------------------------------------------


def test_explain(place):
    done = place.run("check", "--explain", "acronym-is-word")
    assert done.returncode == 0
    assert "{text: US, case: exact}" in done.stdout
    assert place.run("check", "--explain", "error[acronym-is-word]").stdout == done.stdout
    value = json.loads(place.run("check", "--explain", "acronym-is-word", "--format", "json").stdout)
    assert value["right"] == "{text: US, case: exact}"


def test_codes(place):
    lines = place.run("check", "--codes").stdout.splitlines()
    assert len(lines) > 80
    assert lines == sorted(lines)
    assert all(len(line.split("\t")) == 4 for line in lines)
    assert len(json.loads(place.run("check", "--codes", "--format", "json").stdout)) == len(lines)


# --- schemas ---------------------------------------------------------------------------------------


def test_init_writes_schemas_that_another_program_reads(tmp_path):
    place = installation.Installation(tmp_path)
    assert place.run("init", str(tmp_path)).returncode == 0
    kinds = defaultdict(list)
    for path in sorted((tmp_path / "rules").rglob("*.yaml")):
        schema = path.read_text("utf-8").partition("\n")[0].partition("$schema=")[2]
        kinds[(path.parent / schema).resolve()].append(str(path))
    assert {path.name for path in kinds} == {"rules.json", "lists.json", "feeds.json", "routes.json"}
    check = [sys.executable, "-m", "check_jsonschema"]
    for schema, files in kinds.items():
        assert schema.parent == (tmp_path / ".schema").resolve()
        done = subprocess.run(
            [*check, "--schemafile", str(schema), *files], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    place.write("rules/talks/own.yaml", UNKNOWN)
    done = subprocess.run(
        [*check, "--schemafile", ".schema/rules.json", "rules/talks/own.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "must_macth" in done.stdout


def test_schema_is_printed_or_written(place):
    for kind in ("rules", "lists", "feeds", "routes"):
        assert json.loads(place.run("schema", kind).stdout)["$schema"].endswith("2020-12/schema")
    assert place.run("schema").stdout == place.run("schema", "rules").stdout
    done = place.run("schema", "--write", ".")
    assert done.returncode == 0
    assert "$schema=../../.schema/rules.json" in done.stdout
    written = sorted(path.name for path in (place.path / ".schema").iterdir())
    assert written == ["feeds.json", "lists.json", "routes.json", "rules.json"]
    assert "0 schemas written" in place.run("schema", "--write", "rules").stderr


def test_schema_usage(place):
    assert place.run("schema", "rulez").returncode == 3
    assert 'did you mean "rules"?' in place.run("schema", "rulez").stderr
    assert place.run("schema", "--write", "nowhere").returncode == 3

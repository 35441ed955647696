"""The extra `semantic` with a real model, small and made here: two languages, wrong directories, loops."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import timedelta

import pytest

from monitor.app import joining
from monitor.directory import find
from monitor.errors import ConfigurationError
from monitor.models import StoryLayer
from monitor.rulebook import read_book
from monitor.semantic import load_model
from monitor.settings import load
from monitor.stories.linking import BALANCED, SAFE, Joining, Meaning
from tests import installation
from tests.factories import make_item
from tests.integration.test_loops import FILES, MINUTE, World

if importlib.util.find_spec("model2vec") is None:
    pytest.skip("the extra `semantic` is not installed: meaning was NOT checked", allow_module_level=True)

# Words of one line mean the same: they share a direction, and each has a little of its own.
MEANINGS = (
    ("envoy", "посланник"),
    ("lands", "прибыл"),
    ("capital", "столицу"),
    ("talks", "переговоры"),
    ("bank", "банк"),
    ("raises", "повышает"),
    ("rate", "ставку"),
)
OWN = 0.3
ENGLISH = "Envoy lands in capital for talks"
RUSSIAN = "Посланник прибыл в столицу на переговоры"
BANK = "Банк повышает ставку"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model as model2vec writes it, made of vectors and a tokenizer of whole words."""
    import numpy as np
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = ["[UNK]", *(word for line in MEANINGS for word in line)]
    vectors = np.zeros((len(words), len(MEANINGS) + len(words)), dtype="float32")
    for place, word in enumerate(words[1:], 1):
        line = next(number for number, line in enumerate(MEANINGS) if word in line)
        vectors[place, line] = 1.0
        vectors[place, len(MEANINGS) + place] = OWN
    known = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    directory = tmp_path_factory.mktemp("models") / "tiny"
    StaticModel(vectors, tokenizer).save_pretrained(str(directory))
    return directory


def test_reports_in_two_languages_are_near_when_they_mean_the_same(model):
    near = load_model(model).near
    english, russian, bank = (make_item(title, title=title) for title in (ENGLISH, RUSSIAN, BANK))
    assert near(english, russian) == pytest.approx(1 / (1 + OWN**2), abs=1e-3)
    assert near(english, russian) == near(russian, english)
    assert near(russian, bank) == pytest.approx(0, abs=1e-6)
    assert near(english, english) == pytest.approx(1)
    assert near(english, make_item("x", title="Ohne bekannte Wörter")) == 0


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(model, tmp_path, gone):
    for file in model.iterdir():
        if file.name != gone:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ConfigurationError, match=rf"MONITOR_SEMANTIC_MODEL: .*{gone} is missing; copy all"):
        load_model(tmp_path)


def test_what_is_no_model_is_told(model, tmp_path):
    with pytest.raises(ConfigurationError, match="is no directory; name one that holds"):
        load_model(tmp_path / "nowhere")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="holds no model that model2vec can read"):
        load_model(tmp_path)


def test_without_the_extra_it_is_told_how_to_install_it(model):
    """In a process of its own, in which the library cannot be imported."""
    program = (
        "import sys, pathlib; sys.modules['model2vec'] = None\n"
        "from monitor.errors import ConfigurationError\n"
        "from monitor.semantic import load_model\n"
        "try: load_model(pathlib.Path(sys.argv[1]))\n"
        "except ConfigurationError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model)], capture_output=True, text=True, check=True
    )
    assert "the extra `semantic` is not installed" in done.stdout
    assert "pip install 'diplomatic-monitor[semantic]', or empty the setting" in done.stdout


def test_the_setting_names_a_directory_of_the_installation(model, tmp_path):
    place = installation.make(tmp_path, {"outlet": "https://example.org/feed"}).path
    (place / "models").mkdir()
    model.rename(place / "models" / "tiny")
    try:
        env = place / "monitor.env"
        settings, _ = load(place)
        assert joining(find(place), settings) == Joining(SAFE)
        env.write_text("MONITOR_SEMANTIC_MODEL=models/tiny\nMONITOR_SEMANTIC_NEAR=0.6\n")
        settings, _ = load(place)
        found = joining(find(place), settings)
        assert found.mode is SAFE
        assert found.meaning.least == 0.6
        assert found.meaning.near(*(make_item(t, title=t) for t in (ENGLISH, RUSSIAN))) > 0.6
    finally:
        (place / "models" / "tiny").rename(model)


RULES = """version: 1
defaults: {owner: desk, topic: talks, severity: critical}
rules:
  - id: envoy-lands
    title: An envoy lands
    when: {any: [{all: [envoy, lands]}, {all: [посланник, прибыл]}]}
    must_match: ["The envoy lands in Vienna"]
    must_not_match: ["The minister stays at home"]
""".encode()
BOOK = read_book({**FILES, "talks/talks.yaml": RULES}, prefix="rules/")


CHOSEN = read_book(
    {**FILES, "talks/talks.yaml": RULES.replace(b"critical}", b"critical, grouping: balanced}")},
    prefix="rules/",
)
CASES = [(BOOK, SAFE), (BOOK, BALANCED), (CHOSEN, SAFE)]


@pytest.mark.parametrize(("book", "mode"), CASES, ids=["safe", "balanced", "chosen by the rule"])
async def test_a_report_in_another_language_through_the_loops(model, book, mode):
    """Safe: an alert of its own that links to the first. Balanced: an update of the first."""
    world = World(book)
    world.joining = Joining(mode, meaning=Meaning(load_model(model).near))
    await world.publish("one", ENGLISH, language="en")
    await world.run(20 * MINUTE, 10 * MINUTE)
    await world.publish("two", RUSSIAN, language="ru")
    await world.run(3 * timedelta(hours=1), 10 * MINUTE)
    alerts = await world.store.list_alerts()
    notes = [one.note for one in await world.store.revisions([alert.alert_id for alert in alerts])]
    members = await world.store.story_of([s.item_id for alert in alerts for s in alert.sources])
    layers = sorted(member.layer for member in members.values())
    if mode is SAFE and book is BOOK:
        assert len(alerts) == 2
        assert layers == [StoryLayer.NEW, StoryLayer.NEW]
        assert any(f"Perhaps related: “{ENGLISH}”." in note for note in notes), notes
    else:
        assert len(alerts) == 1
        assert layers == [StoryLayer.MEANING, StoryLayer.NEW]
        assert len(notes) >= 2, "told as an update, never joined into silence"

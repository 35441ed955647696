"""The extra `semantic`: how near two reports are in meaning, by a model of static word embeddings.

The model is a directory that the operator put there: nothing is ever fetched. A static model looks up one
vector for each piece of a word and takes their mean: about a twentieth of a millisecond a report, without
torch. See Tulkens and van Dongen, Model2Vec: Fast State-of-the-Art Static Embeddings (2024).
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import ConfigurationError
from monitor.stories.profile import COMPARED
from monitor.stories.titles import without_publisher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from monitor.models import Item

SETTING: Final = "MONITOR_SEMANTIC_MODEL"
INSTALL: Final = "pip install 'diplomatic-monitor[semantic]'"
REMEMBERED: Final = 8192  # reports: 8 MB with 256 dimensions
# Of each kind of directory that the library reads, its files.
LAYOUTS: Final = (
    ("config.json", "model.safetensors", "tokenizer.json"),
    ("config_sentence_transformers.json", "model.safetensors", "tokenizer.json"),
    (
        "config_sentence_transformers.json",
        "0_StaticEmbedding/model.safetensors",
        "0_StaticEmbedding/tokenizer.json",
    ),
)
_PROBE: Final = "1 2 3"


class Model:
    """Embeds reports, each once."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - a class of a library that may be missing
        """Take the library's `StaticModel`."""
        self._model = model
        self._vector = lru_cache(REMEMBERED)(self._embed)

    def near(self, one: Item, other: Item) -> float:
        """Return the cosine of two reports' embeddings, -1 to 1; 0 when the model knows no word of one."""
        return float(self._vector(_text(one)) @ self._vector(_text(other)))

    def _embed(self, text: str) -> Any:  # noqa: ANN401 - an array of a library that may be missing
        """Return the unit vector of a text, zeros when nothing of it is known; shape (dimensions,)."""
        vector = self._model.encode(text, use_multiprocessing=False)
        length = float(vector @ vector) ** 0.5
        return vector / length if length > 0 else vector


def load_model(directory: Path) -> Model:
    """Read the model in `directory`.

    Raises:
        ConfigurationError: the extra, the directory or one of its files is missing, or the library cannot
            read them; the message says what to do.
    """
    _check_files(directory)
    try:
        library: Any = importlib.import_module("model2vec")
    except ImportError as error:
        raise ConfigurationError(
            f"{SETTING} is set, but the extra `semantic` is not installed ({error}): {INSTALL}, or empty the"
            " setting"
        ) from None
    try:
        # Absolute, so that it can never be taken for a name to be looked up elsewhere.
        model = Model(library.StaticModel.from_pretrained(directory.resolve()))
        model._embed(_PROBE)  # noqa: SLF001 - a model that cannot embed is found now, not at the first hit
    except Exception as error:
        raise ConfigurationError(
            f"{SETTING}: {directory} holds no model that model2vec can read"
            f" ({type(error).__name__}: {_first_line(error)}); put it there again, complete"
        ) from error
    return model


def _check_files(directory: Path) -> None:
    if not directory.is_dir():
        raise ConfigurationError(
            f"{SETTING}: {directory} is no directory; name one that holds a model2vec model"
            f" ({', '.join(LAYOUTS[0])}), or empty the setting"
        )
    lacking = [[name for name in layout if not (directory / name).is_file()] for layout in LAYOUTS]
    missing: Sequence[str] = min(lacking, key=len)
    if missing:
        raise ConfigurationError(
            f"{SETTING}: {directory} holds no whole model2vec model: {', '.join(missing)} is missing;"
            " copy all of its files there, or empty the setting"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]


def _text(item: Item) -> str:
    return f"{without_publisher(item.title, item.url)}. {item.summary[:COMPARED]}"

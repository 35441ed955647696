"""What every test shares: hypothesis profiles and the development data."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from monitor import dictionaries

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"

dictionaries.install()  # as the command line does: tests of rules look up many words

# No deadline: two tests share a core with two others. Derandomized in CI, so that a run can be repeated.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(autouse=True)
def logging_as_before():
    """Commands set up logging for the whole process: the next test may want its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data() -> Path:
    """The development data that lies beside some checkouts; tests that need it are skipped without."""
    if not DATA.is_dir():
        pytest.skip(f"no development data at {DATA}")
    return DATA


@pytest.fixture
def now() -> datetime:
    """The instant at which a test's virtual time starts."""
    return datetime(2026, 3, 12, 13, 0, tzinfo=UTC)

"""The command `monitor`: one file per group of commands, one place where failures become messages."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import typer
from typer.exceptions import Abort, Exit, TyperException

from monitor import dictionaries
from monitor.cli import (
    alerts,
    backfill,
    backtest,
    check,
    diff,
    edit,
    explain,
    feeds,
    fmt,
    lists,
    new,
    operate,
    outbox,
    render,
    replay,
    routes,
    run,
    schema,
    show,
    silence,
    story,
)
from monitor.cli.output import err, fail, note
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 3  # exit code for usage and configuration; 2 means that rules cannot be read
INTERRUPTED = 130

app = typer.Typer(
    name="monitor",
    help="Watches feeds for diplomatic developments and tells the right people, once, with the evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.register(app)
feeds.register(app)
edit.register(app)
check.register(app)
schema.register(app)
fmt.register(app)
lists.register(app)
new.register(app)
explain.register(app)
show.register(app)
backtest.register(app)
backfill.register(app)
diff.register(app)
replay.register(app)
story.register(app)
operate.register(app)
outbox.register(app)
render.register(app)
alerts.register(app)
silence.register(app)
routes.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 ok, 1 findings, 2 rules unreadable, 3 usage or configuration."""
    sys.exit(call(arguments))


def call(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one way out for each kind of end
    """Run the command line and return its exit code; no traceback ever reaches the user."""
    dictionaries.install(making=_tell_of_the_first_run)
    try:
        result: Any = app(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except Exit as exit_:
        return exit_.exit_code
    except MonitorError as error:
        fail(str(error))
        return error.exit_code
    except TyperException as error:
        if message := error.format_message():  # none: the help was printed instead
            fail(f"{message} (see `monitor --help`)")
        return USAGE
    except (KeyboardInterrupt, Abort):
        return INTERRUPTED
    except BrokenPipeError:  # `monitor status | head`
        sys.stderr.close()
        return 0
    except OSError as error:
        fail(f"{error.filename or 'this machine'}: {error.strerror or error}")
        return USAGE
    except Exception as error:  # noqa: BLE001 - the last line of defence
        fail(f"internal error: {type(error).__name__}: {error}; please report it with {_keep_trace()}")
        return USAGE
    return result if isinstance(result, int) else 0


def _tell_of_the_first_run() -> None:
    if err.is_terminal:  # elsewhere standard error belongs to the log
        note("The first run prepares word forms of the rules' languages: some ten seconds, once.")


def _keep_trace() -> Path:
    """Write the present traceback to a file of its own and return its path."""
    with NamedTemporaryFile(
        "w", prefix="monitor-trace-", suffix=".txt", encoding="utf-8", delete=False
    ) as file:
        file.write(traceback.format_exc())
    return Path(file.name)

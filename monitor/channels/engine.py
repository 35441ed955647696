"""Runs templates in the sandbox and words what goes wrong for the person who edits them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.exceptions import SecurityError

from monitor.channels.filters import FILTERS
from monitor.channels.sandbox import Limits, OverBudgetError, Sandbox, charge, charged
from monitor.channels.structure import fill
from monitor.channels.template_files import Templates
from monitor.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from monitor.channels.structure import Json

Made = TypeVar("Made")


class Engine:
    """Templates by name, compiled when they are first used; every failure is a `RenderError`."""

    def __init__(self, sources: Mapping[str, str], limits: Limits) -> None:
        """Keep the texts; `Templates` also tells which directories they came from."""
        self._sources = sources
        self._directories = sources.directories if isinstance(sources, Templates) else ()
        self._limits = limits
        self._sandbox = Sandbox(sources, limits, FILTERS)
        self._documents: dict[str, Json] = {}
        self._compiled: dict[tuple[str, str], Any] = {}

    def page(self, name: str, variables: Mapping[str, Any]) -> str:
        """Return the template called `name` rendered.

        Raises:
            RenderError: it is missing, wrong, or its output too large.
        """
        with charged(self._limits), self._explained(name):
            parts: list[str] = []
            size = 0
            for part in self._sandbox.get_template(name).generate(variables):
                parts.append(part)
                size += len(part)
                if size > self._limits.output:
                    raise OverBudgetError(
                        f"the output grows past {self._limits.output} characters; print less"
                    )
        return _encodable("".join(parts))

    def json(
        self, name: str, variables: Mapping[str, Any], fit: Callable[[Json], Json] = lambda document: document
    ) -> str:
        """Return the JSON template called `name` filled and serialized.

        Args:
            name: of the template.
            variables: what expressions may name.
            fit: the last word on the document: holds it to its receiver's limits.

        Raises:
            RenderError: as for `page`; the message has the path of the leaf.
        """
        document = self._document(name)
        with charged(self._limits), self._explained(name):
            filled = fit(fill(document, variables, _Leaves(self, name), f"template {name} at $"))
            try:
                text = json.dumps(filled, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            except ValueError:
                raise RenderError(f"template {name}: a number is infinite or none; mend its $value") from None
        if len(text) > self._limits.output:
            raise RenderError(
                f"template {name}: the output grows past {self._limits.output} characters; print less",
                too_large=True,
            )
        return _encodable(text)

    def included(self, name: str) -> Json:
        """Return the JSON template called `name` for another one.

        Raises:
            RenderError: it is missing or wrong, or the includes do not end.
        """
        charge().step(20)
        return self._document(name)

    def leaf(self, kind: str, source: str, variables: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - any value
        """Return one leaf of a JSON template: a "text" rendered or a "value" evaluated."""
        with self._explained("", where):
            charge().step()
            key = (kind, source)
            if kind == "text":
                template: Template = self._once(key, self._sandbox.from_string)
                return template.render(variables)
            evaluate = self._once(key, self._expression)
            value = evaluate(**variables)
            if isinstance(value, Undefined):
                str(value)  # raises UndefinedError, which names what is unknown
            return value

    def _expression(self, source: str) -> Callable[..., Any]:
        return self._sandbox.compile_expression(source, undefined_to_none=False)

    def _once(self, key: tuple[str, str], make: Callable[[str], Made]) -> Made:
        if key not in self._compiled:
            self._compiled[key] = make(key[1])
        made: Made = self._compiled[key]
        return made

    def _document(self, name: str) -> Json:
        if name not in self._documents:
            if (source := self._sources.get(name)) is None:
                raise self._missing(name)
            if len(source) > self._limits.template:
                raise RenderError(f"template {name}: more than {self._limits.template} characters; split it")
            try:
                self._documents[name] = json.loads(source)
            except json.JSONDecodeError as error:
                raise RenderError(
                    f"template {name}, line {error.lineno}: not valid JSON ({error.msg}); correct the file"
                ) from None
            except RecursionError:
                raise RenderError(f"template {name}: nested too deeply; flatten it") from None
        return self._documents[name]

    def _missing(self, name: str) -> RenderError:
        looked = f" (looked in {', '.join(self._directories)})" if self._directories else ""
        return RenderError(
            f"template {name} is missing{looked}; put the file back, or copy the shipped one there"
        )

    @contextmanager
    def _explained(self, name: str, where: str = "") -> Iterator[None]:
        """Turn every failure inside into a RenderError that says file, line, what and what to do."""
        try:
            yield
        except RenderError:
            raise
        except TemplateNotFound as error:
            raise self._missing(str(error.name or error)) from None
        except TemplateSyntaxError as error:
            place = where or f"template {error.name or name}, line {error.lineno}"
            raise RenderError(f"{place}: {_sentence(error.message)}; correct the file") from None
        except RecursionError:
            place = where or self._place(None, name)
            raise RenderError(
                f"{place}: a macro or include calls itself without end; break the circle"
            ) from None
        except Exception as error:  # noqa: BLE001 - whatever a template provokes is its author's to mend
            place = where or self._place(error, name)
            too_large = isinstance(error, OverBudgetError)
            raise RenderError(f"{place}: {_reason(error)}", too_large=too_large) from None

    def _place(self, error: Exception | None, name: str) -> str:
        """Return "template NAME, line N" of the innermost template frame that raised."""
        line, trace = 0, error.__traceback__ if error else None
        while trace is not None:
            # Jinja2 rewrites its frames so that they carry the template's own name and lines.
            if trace.tb_frame.f_code.co_filename in self._sources:
                name, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        return f"template {name}, line {line}" if line else f"template {name}"


class _Leaves:
    """Gives `structure.fill` what it needs of the engine."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    def text(self, source: str, variables: Mapping[str, Any], where: str) -> str:
        """Render a string leaf; one without braces is literal."""
        if "{" not in source:
            return source
        return str(self._engine.leaf("text", source, variables, where))

    def value(self, expression: str, variables: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - any value
        """Evaluate an expression."""
        return self._engine.leaf("value", expression, variables, where)

    def document(self, name: str, where: str) -> Json:  # noqa: ARG002 - a missing file is named by itself
        """Return another template; includes are counted, so one that includes itself ends."""
        return self._engine.included(name)


def _reason(error: Exception) -> str:
    if isinstance(error, UndefinedError):
        return f"{_sentence(str(error))}; the variables there are, are listed in templates/README.md"
    if isinstance(error, SecurityError):
        return _sentence(str(error))
    return f"{_sentence(str(error)) or type(error).__name__}; check the expression there"


def _sentence(message: str | None) -> str:
    return " ".join(str(message or "").split())[:300].rstrip(".")


def _encodable(text: str) -> str:
    """Replace lone surrogates, which some feeds hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")

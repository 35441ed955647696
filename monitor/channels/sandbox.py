"""The template sandbox: Jinja2 without calls into values, and with a budget for work and memory.

Jinja2's own sandbox keeps a template away from the interpreter, but not from its resources:
`{{ 'a' * 200000000 }}` or a loop over a thousand thousands is allowed there. Here every loop step, call,
include and printed character is counted against a `Budget`, operators that build large values are
checked before they run, and only the filters of a literal list exist. The count is of steps, not of
seconds, so that a template that renders on one machine renders on all.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import (
    BaseLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
    nodes,
    pass_context,
)
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class Limits:
    """How large templates and messages may be; all in characters but for `steps`."""

    template: int = 200_000  # one template file
    output: int = 2_000_000  # one rendered part: a digest of 400 alerts has about a quarter of this
    steps: int = 50_000  # loop rounds, macro calls and includes of one rendered part
    value: int = 100_000  # one text made by an operator or a filter


class OverBudgetError(SecurityError):
    """More loop rounds, characters or elements than a message may take."""


@dataclass(slots=True)
class Budget:
    """What one rendering may still use."""

    limits: Limits
    steps: int = 0
    characters: int = 0

    def step(self, count: int = 1) -> None:
        """Count loop rounds, calls or includes.

        Raises:
            OverBudgetError: the template does more than a message needs.
        """
        self.steps += count
        if self.steps > self.limits.steps:
            raise OverBudgetError(
                f"the template runs more than {self.limits.steps} loop rounds and calls; "
                "shorten its loops, for example with [:20]"
            )

    def write(self, count: int) -> None:
        """Count characters, also those written into macros and `set` blocks.

        Raises:
            OverBudgetError: the output is too large to be a message.
        """
        self.characters += count
        # Text inside nested macros is counted once for each level: four levels are plenty.
        if self.characters > 4 * self.limits.output:
            raise OverBudgetError(f"the output grows past {self.limits.output} characters; print less")


_budget: ContextVar[Budget | None] = ContextVar("_budget", default=None)

_SCALARS = (str, int, float, bool)  # Markup is a str

# Filters of Jinja2 that cannot build much more than they are given.
_PLAIN_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "forceescape",
    "groupby", "int", "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "reverse", "round", "select", "selectattr", "slice", "sort", "striptags", "sum", "title", "trim",
    "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip


@contextmanager
def charged(limits: Limits) -> Iterator[Budget]:
    """Run templates inside this block against a fresh budget."""
    token = _budget.set(budget := Budget(limits))
    try:
        yield budget
    finally:
        _budget.reset(token)


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for templates that people edit; renders nothing without a budget."""

    intercepted_binops = frozenset({"*", "+", "**", "%"})

    def __init__(
        self, sources: Mapping[str, str], limits: Limits, filters: Mapping[str, Callable[..., Any]]
    ) -> None:
        """Prepare templates found in `sources` by name; `.html` is escaped, all else is not."""
        super().__init__(
            loader=_Loader(sources, limits),
            undefined=StrictUndefined,
            autoescape=_autoescape,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            optimized=False,  # constant folding would run operators while compiling, outside any budget
            cache_size=400,
        )
        self._limits = limits
        self.filters = {name: FILTERS[name] for name in _PLAIN_FILTERS}
        self.filters |= {"_rounds": _rounds, "_concat": _concat, "join": _join, "string": _concat_one}
        self.filters |= dict(filters)
        self.globals = {"range": _range, "namespace": self.globals["namespace"]}

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """Compile with loops and concatenations under budget (a hook that Jinja2 documents)."""
        return super()._generate(_Meter().visit(source), name, filename, defer_init)

    def is_safe_callable(self, obj: object) -> bool:
        """Allow macros, blocks, `loop` and our own functions; no method of any value."""
        return isinstance(obj, Macro | BlockReference | LoopContext) or obj in self.globals.values()

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401, D102
        budget = charge()
        budget.step()
        if not self.is_safe_callable(obj) and not _is_loop_method(obj):
            name = getattr(obj, "__name__", type(obj).__name__)
            raise SecurityError(f"'{name}' cannot be called in a template; use a filter: value|upper")
        answer = context.call(obj, *args, **kwargs)
        if isinstance(answer, str):
            budget.write(len(answer))
        return answer

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        """Run an operator unless its result would be large.

        Raises:
            SecurityError: it would.
        """
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"'{operator}' is not available in templates; use ~ to join texts")
        most = self._limits.value
        if operator == "*" and any(isinstance(side, str | list | tuple) for side in (left, right)):
            sequence, times = (left, right) if hasattr(left, "__len__") else (right, left)
            if not isinstance(times, int) or len(sequence) * times > most:
                raise SecurityError(f"'*' would make more than {most} characters or elements")
        elif hasattr(left, "__len__") and hasattr(right, "__len__") and len(left) + len(right) > most:
            raise SecurityError(f"'+' would make more than {most} characters or elements")
        elif isinstance(left, int) and isinstance(right, int) and max(abs(left), abs(right)) > 2**63:
            raise SecurityError("numbers above 9 quintillion are not available in templates")
        return super().call_binop(context, operator, left, right)

    def _load_template(self, name: str, globals: Any) -> Any:  # noqa: A002, ANN401 - the overridden signature
        """Count includes and imports: a template that includes itself ends."""
        if budget := _budget.get():
            budget.step(20)
        return super()._load_template(name, globals)


class _Meter(NodeTransformer):
    """Rewrites a parsed template: loops and `~` go through filters that count."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja2's naming
        """Charge each round with the literal text that its body writes."""
        weight = sum(len(data.data) for part in node.body for data in _literals(part))
        node = self.generic_visit(node)  # type: ignore[assignment]
        node.iter = _filter(node.iter, "_rounds", node.lineno, nodes.Const(weight, lineno=node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja2's naming
        """Turn `a ~ b` into a filter over [a, b]."""
        node = self.generic_visit(node)  # type: ignore[assignment]
        return _filter(nodes.List(list(node.nodes), lineno=node.lineno), "_concat", node.lineno)


def _filter(value: nodes.Node, name: str, line: int, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, list(arguments), [], None, None, lineno=line)


def _literals(node: nodes.Node) -> Iterator[nodes.TemplateData]:
    if isinstance(node, nodes.TemplateData):
        yield node
    yield from node.find_all(nodes.TemplateData)


class _Loader(BaseLoader):
    """Looks templates up in a mapping; their name serves as file name in errors."""

    def __init__(self, sources: Mapping[str, str], limits: Limits) -> None:
        self._sources = sources
        self._limits = limits

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:  # noqa: ARG002
        if (source := self._sources.get(template)) is None:
            raise TemplateNotFound(template)
        if len(source) > self._limits.template:
            raise TemplateSyntaxError(
                f"the file has {len(source)} characters; {self._limits.template} are allowed: split it",
                1,
                template,
                template,
            )
        return source, template, None


def _autoescape(name: str | None) -> bool:
    return bool(name and name.endswith(".html"))


def charge() -> Budget:
    """Return the budget of the rendering under way."""
    budget = _budget.get()
    if budget is None:
        raise SecurityError("a template was used outside Renderer")
    return budget


def _is_loop_method(obj: object) -> bool:
    return isinstance(getattr(obj, "__self__", None), LoopContext)


@pass_context
def _finalize(_: Context, value: object) -> object:
    """Check and count what `{{ }}` prints; the context argument keeps Jinja2 from folding it."""
    text = _scalar(value)
    charge().write(len(text))
    return text


def _scalar(value: object) -> str:
    """Return the text of a value that may be printed.

    Raises:
        SecurityError: it is a list or an object, whose `repr` would land in a message.
    """
    if isinstance(value, str):
        return value
    if value is None:
        raise SecurityError("the value is empty (none); guard it: {% if value %}{{ value }}{% endif %}")
    if isinstance(value, _SCALARS):
        return str(value)
    if isinstance(value, Undefined):
        return str(value)  # raises UndefinedError with the variable's name
    raise SecurityError(
        f"a {type(value).__name__} cannot be printed; print one of its fields, or use |join(', ')"
    )


def _rounds(values: Iterable[object], weight: int) -> Iterator[object]:
    budget = charge()
    for value in values:
        budget.step()
        budget.write(weight)
        yield value


def _capped(parts: list[str]) -> list[str]:
    budget = charge()
    total = sum(map(len, parts))
    if total > budget.limits.value:
        raise OverBudgetError(f"a text of {total} characters is built; {budget.limits.value} are allowed")
    budget.write(total)
    return parts


@pass_context
def _concat(context: Context, values: list[object]) -> str:
    return _glue(context, "", values)


def _concat_one(value: object) -> str:
    return _capped([_scalar(value)])[0]


@pass_context
def _join(context: Context, values: Iterable[object], separator: str = "", attribute: str = "") -> str:
    """Join texts; with `attribute`, that field of each value."""
    if attribute:
        values = (context.environment.getattr(value, attribute) for value in values)
    return _glue(context, separator, list(values))


def _glue(context: Context, separator: str, values: list[object]) -> str:
    parts = _capped([_scalar(value) for value in values])
    _capped([_scalar(separator)] * len(parts))
    if context.eval_ctx.autoescape:
        # Markup.join escapes each part that is not markup itself.
        return (separator if isinstance(separator, Markup) else Markup.escape(separator)).join(parts)
    return str(separator).join(parts)


def _range(*arguments: int) -> range:
    """Count with at most 1000 steps.

    Raises:
        SecurityError: more.
    """
    numbers = range(*arguments)
    if len(numbers) > 1000:  # noqa: PLR2004 - no message lists more
        raise SecurityError("range() gives at most 1000 numbers")
    return numbers

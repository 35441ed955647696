"""How backtests are printed: charts, tables and highlighted samples; plain lines when piped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from monitor.alerts.wording import one_line
from monitor.backtest.chart import bar, rows, sparkline
from monitor.backtest.report import recipients_dict, shown_passages
from monitor.cli.output import out, plural, table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from monitor.backtest.compare import RuleDifference
    from monitor.backtest.run import Figures, Hit
    from monitor.cli.backtest import Comparison
    from monitor.rulebook import RuleBook

_WIDTH: Final = 48  # characters of the longest bar
_SPARK: Final = 30  # characters of a rule's small chart
_TERMS_OF_MANY: Final = 3  # of each rule, when there are several
_MARK: Final = "bold yellow"


def print_figures(figures: Figures, book: RuleBook) -> None:
    """Print everything that a backtest found."""
    alone = len(figures.rules) == 1
    if alone and book.rules:
        rule = book.rules[figures.rules[0].rule_id]
        out.print(Text(f"{rule.rule_id}: {rule.title}", "bold"))
    out.print(_period(figures.items, figures.days), markup=False)
    out.print(
        f"{plural(figures.hits, 'hit')} on {plural(figures.items_hit, 'item')},"
        f" {figures.per_thousand(figures.hits):.2f} per 1,000 items;"
        f" {plural(figures.stories, 'story', 'stories')}",
        markup=False,
    )
    _print_chart(figures)
    _print_recipients(figures)
    if not alone:
        _print_rules(figures)
    _print_terms(figures, _TERMS_OF_MANY if not alone else len(figures.rules[0].terms))
    samples = [(rule.rule_id, hit) for rule in figures.rules for hit in rule.samples]
    if samples:
        _section("Samples")
        for rule_id, hit in samples:
            _print_sample(hit, book, "" if alone else rule_id)


def print_comparison(trial: Comparison) -> None:
    """Print only what differs between two versions of the rules."""
    out.print(_period(trial.tally.items, trial.tally.days), markup=False)
    gained, lost = sum(one.gained for one in trial.rules), sum(one.lost for one in trial.rules)
    if not trial.rules and not recipients_dict(*trial.recipients):
        out.print(f"No difference to the rules {trial.name}.", markup=False)
        return
    out.print(
        f"Against the rules {trial.name}:"
        f" {plural(gained, 'hit')} only now, {plural(lost, 'hit')} only before",
        markup=False,
    )
    if trial.rules:
        _section("Rules")
        _print_differences(trial.rules)
    _print_recipient_changes(trial)
    for one in trial.rules:
        _print_samples(f"{one.rule_id}: only now", one.samples_gained, trial.now)
        _print_samples(f"{one.rule_id}: only before", one.samples_lost, trial.before)


def _print_differences(rules: Iterable[RuleDifference]) -> None:
    table(
        "",
        ("rule", "change", "hits before", "hits now", "only now", "only before"),
        [
            (
                one.rule_id,
                _change(one),
                f"{one.before:,}",
                f"{one.now:,}",
                f"+{one.gained:,}" if one.gained else "",
                f"-{one.lost:,}" if one.lost else "",
            )
            for one in rules
        ],
    )


def _change(one: RuleDifference) -> str:
    if one.change is None:
        return "other feeds"
    return f"{one.change.change}{': ' if one.change.what else ''}{', '.join(one.change.what)}"


def _print_recipient_changes(trial: Comparison) -> None:
    changed = recipients_dict(*trial.recipients)
    if changed:
        _section("Messages")
        table(
            "",
            ("recipient", "at once before", "at once now", "digests before", "digests now"),
            [
                (
                    one["recipient"],
                    f"{one['before']['now']:,}",
                    f"{one['now']['now']:,}",
                    f"{one['before']['digests']:,}",
                    f"{one['now']['digests']:,}",
                )
                for one in changed
            ],
        )


def _period(items: int, days: tuple[date, ...]) -> str:
    span = f" from {days[0]} to {days[-1]} ({plural(len(days), 'day')})" if days else ""
    return f"{plural(items, 'item')}{span}"


def _section(title: str) -> None:
    out.print()
    out.print(Text(title, "bold"))


def _print_chart(figures: Figures) -> None:
    found = rows(figures.days, figures.per_day)
    daily = len(found) == len(figures.days)
    _section("Hits a day" if daily else "Hits over time")
    most = max((count for _, count in found), default=0)
    if not out.is_terminal:
        table("", (), [(name, str(count)) for name, count in found])
        return
    for name, count in found:
        out.print(f"[dim]{name}[/] [cyan]{bar(count, most, _WIDTH)}[/] {count:,}")


def _print_recipients(figures: Figures) -> None:
    if not figures.recipients:
        return
    _section("Messages that each recipient would have had")
    found = [
        (
            one.recipient_id,
            f"{figures.a_day(one.now + one.digests):.1f}",
            f"{one.now:,}",
            f"{one.digests:,}",
            f"{one.entries:,}",
            f"{one.busiest[1]:,} on {one.busiest[0]}" if one.busiest else "none",
        )
        for one in figures.recipients
    ]
    table("", ("recipient", "a day", "at once", "digests", "entries in digests", "most in a day"), found)


def _print_rules(figures: Figures) -> None:
    _section("Rules")
    found = []
    for rule in figures.rules:
        counts = [count for _, count in rows(figures.days, rule.per_day)]
        found.append(
            (
                rule.rule_id,
                f"{rule.hits:,}",
                f"{figures.per_thousand(rule.hits):.2f}",
                f"{rule.stories:,}",
                sparkline(counts, _SPARK) if out.is_terminal else f"{figures.a_day(rule.hits):.2f}",
            )
        )
    last = "over time" if out.is_terminal else "a day"
    table("", ("rule", "hits", "per 1,000", "stories", last), found)


def _print_terms(figures: Figures, most: int) -> None:
    found = [
        (rule.rule_id, one_line(term.entry), f"{term.hits:,}", f"{term.share:.0%}")
        for rule in figures.rules
        for term in rule.terms[:most]
    ]
    if found:
        _section("Noisiest terms, with their share of the rule's hits")
        table("", ("rule", "term", "hits", "share"), found)


def _print_samples(title: str, hits: Iterable[Hit], book: RuleBook) -> None:
    found = tuple(hits)
    if found:
        _section(title)
        for hit in found:
            _print_sample(hit, book, "")


def _print_sample(hit: Hit, book: RuleBook, rule_id: str) -> None:
    """Print one hit: when, where, and each passage with what matched marked."""
    outlet, found = shown_passages(hit, book)
    head = f"{hit.item.event_at():%Y-%m-%d %H:%M}  {one_line(outlet)}"
    out.print(Text(f"{head}  {rule_id}".rstrip(), "dim"))
    if all(passage.field != "title" for passage in found):
        out.print(Text(f"  {one_line(hit.item.title)}"))
    for passage in found:
        line = Text("  ")
        for span in passage.spans:
            if span.hit:
                line.append(span.text if out.is_terminal else f"[{span.text}]", _MARK)
            else:
                line.append(span.text)
        out.print(line)

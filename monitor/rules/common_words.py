"""Words that most news items hold, in the languages of the shipped rules: they tell nothing alone."""

from __future__ import annotations

from typing import Final

from monitor.text.fold import fold

_GRAMMAR: Final = """
a about after against all also amid an and any are as at be been before being between but by can could did do
does during for from had has have he her his how if in into is it its may might more most new no not now of
off
on one or other our out over own s she should so some than that the their them then there these they this
those
through to under until up us was we were what when where which while who will with would you
а без бы был была были было быть в во все для до его ее если еще же за и из или их к как когда ко кто ли
между мы
на над не него нет но о об он она они от перед по под после при с свой со так также там того тоже только у уже
хотя чем что чтобы эта эти это этот
а або але без би був буде була були було бути в все від він вона вони до для його за з зі із і й його їх як
коли
котрий ми між на над не ні о об перед по при про під після та так також там тільки у уже хто це цей ці чи що
щоб
à au aux avec ce ces cette comme d dans de des du elle en entre est et été être il ils l la le les leur lors
mais
n ne non nos ou où par pas plus pour qu que qui s sa sans se ses si son sont sous sur un une vers
أن أو إلى إن التي الذي الذين بعد بين حتى حول خلال ذلك عن على عند غير في قبل قد كان كانت كل كما لا لم لن ما
مع من
منذ هذا هذه هل هو هي و
"""
_NEWS: Final = """
country day government minister news people president report say said says state week world year years
будет время глава год день заявил новости президент сказал страна
день заявив заявила країна новини президент рік сказав час
ans année annoncé dit gouvernement jour ministre monde pays président semaine
اليوم بلاده رئيس قال قالت
"""

GRAMMAR: Final = frozenset(map(fold, _GRAMMAR.split()))  # articles, prepositions, pronouns and the like
COMMON: Final = GRAMMAR | frozenset(map(fold, _NEWS.split()))

"""The stable codes of findings about `rules/routes.yaml`, beside those of every YAML file (`Reader`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CODES: Final[Mapping[str, str]] = {
    # errors: the recipient or route is left out
    "always-quiet": "A recipient's quiet hours cover the whole week.",
    "bad-address": "An e-mail address cannot be read; write it as desk@example.org.",
    "bad-country": "A country is not two letters, ISO 3166-1.",
    "bad-id": "An id has other characters than small letters, digits and hyphens.",
    "bad-quiet": 'A quiet time is not of the form "22:00-07:00", sat, or "fri 18:00-24:00".',
    "bad-time": 'A digest time is not a time of day such as "07:30".',
    "bad-url": "A webhook's url is not an http or https address.",
    "bad-variable": "A value stands where the name of a variable or secret belongs.",
    "default-with-match": "A default route has a match.",
    "duplicate-recipient": "Two recipients have one id.",
    "empty-match": "A match without labels would take every alert.",
    "fallback-loop": "Fallbacks go in a circle.",
    "no-address": "An e-mail target has no address.",
    "no-channel": "A recipient has neither email nor webhook.",
    "no-default-route": "No route is the default, so some alerts would reach nobody.",
    "no-digest": "A digest has no time.",
    "no-recipients": "The file, or a route, names nobody.",
    "unknown-recipient": "A route, fallback or test names a recipient that is not there.",
    "unknown-timezone": "A time zone is not an IANA name.",
    "unreachable-route": "A route can never apply; as a warning, no present rule has its labels.",
    "webhook-url": "A webhook has both url and url_env, or neither.",
    # warnings
    "duplicate-route": "Two routes have the same match and to.",
    "only-default": "A live rule is taken by the default route alone.",
    "quiet-digest": "A digest time always falls into the recipient's quiet hours.",
    "unused-recipient": "No route and no fallback names a recipient.",
}

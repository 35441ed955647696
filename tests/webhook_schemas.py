"""What each receiver takes, as JSON Schemas written down from its public documentation.

`maxLength` of JSON Schema counts code points, receivers count UTF-16 code units or bytes; `too_long`
of the tests measures those.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def obj(required: str = "", /, *, more: bool = False, **properties: Schema) -> Schema:
    """An object with these members and, unless `more`, no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": more,
    }


def text(most: int | None = None, least: int = 0, **more: Any) -> Schema:
    return {"type": "string", "minLength": least, **({"maxLength": most} if most else {}), **more}


def listed(items: Schema, most: int | None = None, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least, **({"maxItems": most} if most else {})}


URL: Schema = {"type": "string", "pattern": r"^https?://\S+$"}
TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}

# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/cloudevents.json
CLOUDEVENTS = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": text(least=1),
        "source": {"type": "string", "minLength": 1, "pattern": r"^[^\s<>\"{}|\\^`]+$"},  # URI-reference
        "type": text(least=1),
        "subject": text(least=1),
        "time": TIME,
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object"},
    },
    "propertyNames": {"pattern": "^[a-z0-9]{1,20}$"},  # context attributes: lower case letters and digits
}

# https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
ALERTMANAGER = obj(
    "version groupKey truncatedAlerts status receiver groupLabels commonLabels commonAnnotations "
    "externalURL alerts",
    version={"const": "4"},
    groupKey=text(least=1),
    truncatedAlerts={"type": "integer", "minimum": 0},
    status={"enum": ["firing", "resolved"]},
    receiver=text(least=1),
    groupLabels=LABELS,
    commonLabels=LABELS,
    commonAnnotations=LABELS,
    externalURL=text(),
    alerts=listed(
        obj(
            "status labels annotations startsAt endsAt generatorURL fingerprint",
            status={"enum": ["firing", "resolved"]},
            labels={**LABELS, "required": ["alertname"]},
            annotations=LABELS,
            startsAt=TIME,
            endsAt=TIME,
            generatorURL=text(),
            fingerprint=text(16, 16),
        ),
        least=1,
    ),
)

# https://docs.slack.dev/reference/block-kit/blocks and .../composition-objects/text-object
PLAIN = obj("type text", type={"const": "plain_text"}, text=text(3000, 1), emoji={"type": "boolean"})
MRKDWN = obj("type text", type={"const": "mrkdwn"}, text=text(3000, 1), verbatim={"type": "boolean"})
SLACK = obj(
    "text blocks",
    text=text(4000, 1),
    unfurl_links={"type": "boolean"},
    unfurl_media={"type": "boolean"},
    blocks=listed(
        {
            "oneOf": [
                obj(
                    "type text",
                    type={"const": "header"},
                    text={**PLAIN, "properties": {**PLAIN["properties"], "text": text(150, 1)}},
                ),
                obj("type text", type={"const": "section"}, text=MRKDWN),
                obj(
                    "type fields",
                    type={"const": "section"},
                    fields=listed(
                        {**MRKDWN, "properties": {**MRKDWN["properties"], "text": text(2000, 1)}}, 10, 1
                    ),
                ),
                obj("type elements", type={"const": "context"}, elements=listed(PLAIN, 10, 1)),
            ]
        },
        50,
        1,
    ),
)

# https://docs.discord.com/developers/resources/webhook#execute-webhook and .../message#embed-object
DISCORD = obj(
    "embeds allowed_mentions",
    content=text(2000),
    allowed_mentions=obj("parse", parse={"const": []}),
    embeds=listed(
        obj(
            "",
            title=text(256, 1),
            url=URL,
            color={"type": "integer", "minimum": 0, "maximum": 0xFFFFFF},
            timestamp=TIME,
            description=text(4096),
            fields=listed(
                obj("name value", name=text(256, 1), value=text(1024, 1), inline={"type": "boolean"}), 25
            ),
            footer=obj("text", text=text(2048, 1)),
        ),
        10,
        1,
    ),
)

# https://adaptivecards.io/schemas/1.4.0/adaptive-card.json, and what Teams takes around it
OPEN = obj("type url", type={"const": "Action.OpenUrl"}, url=URL, title=text(least=1))
RUN = obj(
    "type text",
    type={"const": "TextRun"},
    text=text(),
    weight={"enum": ["lighter", "default", "bolder"]},
    size={"enum": ["default", "small", "medium", "large", "extraLarge"]},
    color={"enum": ["default", "dark", "light", "accent", "good", "warning", "attention"]},
    isSubtle={"type": "boolean"},
    selectAction=OPEN,
)
RICH = obj("type inlines", type={"const": "RichTextBlock"}, inlines=listed(RUN, least=1), spacing=text())
CONTAINER = obj("type items", type={"const": "Container"}, items=listed({"$ref": "#/$defs/element"}))
TEAMS = {
    **obj(
        "type attachments",
        type={"const": "message"},
        attachments=listed(
            obj(
                "contentType content",
                contentType={"const": "application/vnd.microsoft.card.adaptive"},
                contentUrl={"type": "null"},
                content=obj(
                    "type version body",
                    type={"const": "AdaptiveCard"},
                    version={"const": "1.4"},
                    fallbackText=text(),
                    msteams=obj("width", width={"const": "Full"}),
                    body=listed({"$ref": "#/$defs/element"}, least=1),
                    actions=listed(OPEN, 6),
                ),
            ),
            1,
            1,
        ),
    ),
    "$defs": {"element": {"oneOf": [RICH, CONTAINER]}},
}

# https://developers.mattermost.com/integrate/reference/message-attachments/
MATTERMOST = obj(
    "attachments",
    text=text(16_383),
    attachments=listed(
        obj(
            "fallback",
            fallback=text(least=1),
            color=text(pattern="^#[0-9a-f]{6}$"),
            title=text(),
            title_link=text(pattern=r"^(https?://\S+)?$"),
            text=text(),
            fields=listed(obj("title value short", title=text(), value=text(), short={"type": "boolean"})),
            footer=text(),
        ),
        least=1,
    ),
)

# https://docs.ntfy.sh/publish/#publish-as-json; the topic is put in when it is sent
NTFY = obj(
    "message title",
    title=text(250, 1),
    message=text(4096, 1),
    priority={"type": "integer", "minimum": 1, "maximum": 5},
    tags=listed(text(least=1)),
    click=URL,
)

# https://developer.pagerduty.com/docs/send-alert-event; the routing key is put in when it is sent
PAGERDUTY = obj(
    "event_action dedup_key payload",
    event_action={"enum": ["trigger", "acknowledge", "resolve"]},
    dedup_key=text(255, 1),
    client=text(),
    client_url=URL,
    payload=obj(
        "summary source severity",
        summary=text(1024, 1),
        source=text(least=1),
        severity={"enum": ["critical", "error", "warning", "info"]},
        timestamp=TIME,
        component=text(),
        group=text(),
        **{"class": text()},
        custom_details={"type": "object"},
    ),
    links=listed(obj("href", href=URL, text=text())),
)

# https://core.telegram.org/bots/api#sendmessage; the chat is put in when it is sent
TELEGRAM = obj(
    "text parse_mode",
    text=text(4096, 1),
    parse_mode={"const": "HTML"},
    link_preview_options=obj("is_disabled", is_disabled={"const": True}),
)

# https://spec.matrix.org/latest/client-server-api/#mtext
MATRIX = obj(
    "msgtype body format formatted_body m.mentions",
    msgtype={"const": "m.text"},
    body=text(least=1),
    format={"const": "org.matrix.custom.html"},
    formatted_body=text(least=1),
    **{"m.mentions": {"const": {}}},  # an empty one calls nobody, whatever the text says
)

# Our own: templates/README.md, "The standard body".
STANDARD = {
    "type": "object",
    "required": ["schema", "type", "id", "created_at", "alerts", "recipient"],
    "properties": {"schema": {"const": "diplomatic-monitor/notification/1"}, "alerts": {"type": "array"}},
}

SCHEMAS: dict[str, Schema] = {
    "standard": STANDARD,
    "cloudevents": CLOUDEVENTS,
    "alertmanager": ALERTMANAGER,
    "slack": SLACK,
    "discord": DISCORD,
    "teams": TEAMS,
    "mattermost": MATTERMOST,
    "ntfy": NTFY,
    "pagerduty": PAGERDUTY,
    "telegram": TELEGRAM,
    "matrix": MATRIX,
}

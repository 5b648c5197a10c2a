# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a move to another host means for the channels of an instance: whether a login is expected to survive, and what to do if not.

From OpenClaw's documentation of each channel, 2026.9.6: where it keeps its login, and whom the service lets in twice.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass

YES, USUALLY, NO, UNKNOWN = "yes", "usually", "no", "unknown"
_NOT_CHANNELS = ("defaults", "modelByChannel")
_RELINK = "Link it again: openclaw channels login --channel {channel}."

# Logins of a person's own account, as one more linked device: their keys move on with every message.
_LINKED = {
    "whatsapp": "WhatsApp refuses new links for 24 to 72 hours after a few failed ones: try it once, and wait if it is refused.",
    "zalouser": "", "openclaw-weixin": "", "wechat": ""}
# A bot's own secret, in the config, the secret store or the environment.
_TOKENS = ("telegram", "discord", "slack", "mattermost", "irc", "twitch", "nostr", "tlon", "qqbot", "zaloclawbot", "feishu", "zalo",
           "msteams", "googlechat", "line", "sms", "nextcloud-talk", "synology-chat", "wecom")
# Of these, the services that call the gateway, where webhooks are set up for it.
_CALLED = ("msteams", "googlechat", "line", "sms", "nextcloud-talk", "synology-chat", "wecom", "zalo", "feishu", "telegram", "slack")
_ALWAYS_CALLED = ("msteams", "googlechat", "line", "sms", "nextcloud-talk", "synology-chat", "wecom")
_VARIABLES = {"telegram": "TELEGRAM_BOT_TOKEN", "discord": "DISCORD_BOT_TOKEN"}


@dataclass(frozen=True)
class Channel:
    """One channel. survives: yes, usually, no or unknown: its login, after the move. why, if_not: sentences for people."""

    channel: str
    accounts: tuple[str, ...]
    survives: str
    why: str
    if_not: str

    def to_dict(self) -> dict:
        """JSON-native."""
        return {**asdict(self), "accounts": list(self.accounts)}


def expectations(config: dict, environment=None, *, stale: bool = False) -> list[Channel]:
    """The channels that a config switches on, in order. Distrusts the config.

    environment: what the gateway sees; some tokens are only there. stale: the snapshot may be older than the channels' last
    use, since its host is gone.
    """
    channels = config.get("channels") if isinstance(config.get("channels"), dict) else {}
    found = {}
    for name, settings in channels.items():
        if name not in _NOT_CHANNELS and isinstance(settings, dict) and settings.get("enabled") is not False:
            accounts = settings.get("accounts") if isinstance(settings.get("accounts"), dict) else {}
            found[str(name)] = (settings, tuple(str(account) for account in accounts) or ("default",))
    for name, variable in _VARIABLES.items():
        if (environment or {}).get(variable) and name not in channels:
            found[name] = ({}, ("default",))
    return [_judge(name, *found[name], stale) for name in sorted(found)]


def _judge(name: str, settings: dict, accounts: tuple[str, ...], stale: bool) -> Channel:
    relink = _RELINK.format(channel=name)
    if name in _LINKED:
        why = "Its linked session moves with the state, as long as the old gateway never runs again."
        if stale:
            why = "Its session has moved on since the snapshot, by as much as was said since then; the service may end it."
        return Channel(name, accounts, UNKNOWN if stale else USUALLY, why, f"{relink} {_LINKED[name]}".strip())
    if name == "matrix":
        return Channel(
            name, accounts, UNKNOWN if stale else USUALLY,
            "Its access token, device and encryption keys move with the state; the device must not run twice."
            + (" Messages that were encrypted since the snapshot may stay unreadable." if stale else ""),
            "See openclaw matrix verify status and openclaw matrix verify backup status; have the recovery key at hand. Its plugin is "
            "installed anew by the gateway, which takes a network.")
    if name == "signal":
        return Channel(
            name, accounts, NO,
            "signal-cli keeps the login outside of the state (~/.local/share/signal-cli): a snapshot holds it only as an extra path.",
            "Move that directory while neither signal-cli runs, or link the new host as a device.")
    if name == "imessage":
        return Channel(name, accounts, NO, "It works through a Mac's own Messages.", "Let the new host reach that Mac as the old one did.")
    if name in _TOKENS:
        called = name in _ALWAYS_CALLED or name in _CALLED and _has_webhook(settings)
        return Channel(
            name, accounts, YES, "It logs in with a token that moves with the state.",
            "Let its public address lead to the new host: the service calls the gateway." if called
            else "See that the token is in the config or in the environment of the gateway there.")
    return Channel(name, accounts, UNKNOWN, "Nothing is known of this plugin's login.", f"See its documentation. {relink}")


def _has_webhook(settings: dict) -> bool:
    """Whether a channel, or one of its accounts, is called by its service instead of asking it."""
    accounts = settings.get("accounts") if isinstance(settings.get("accounts"), dict) else {}
    for one in (settings, *accounts.values()):
        if isinstance(one, dict) and (one.get("webhookUrl") or one.get("mode") == "http" or one.get("connectionMode") == "webhook"):
            return True
    return False

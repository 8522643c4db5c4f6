"""``publisher preview``: the announcements of a post as they will be sent."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from publisher.cli.invocation import Invocation, reads
from publisher.cli.output import clean, flat, say, say_json, when
from publisher.cli.render import Value, sizes
from publisher.views import calendar


@click.command(epilog="Example: publisher preview my-post")
@click.argument("post")
@reads
@click.pass_obj
def preview(invocation: Invocation, post: str, as_json: bool, now: str | None) -> None:
    """Show the announcements of POST as they will be sent.

    POST is the id, the slug or the path of a post.
    """
    seen = invocation.look(now)
    found = calendar.preview(seen, seen.get(post))
    say_json(found) if as_json else say_preview(found, seen.settings.site.zone)


def say_preview(found: Value, zone: ZoneInfo) -> None:
    say(f"{flat(found['title'])}  ({found['post']}, {found['path']})")
    say(flat(found["url"]))
    for announcement in found["announcements"]:
        say()
        _say_announcement(announcement, zone)


def _say_announcement(announcement: Value, zone: ZoneInfo) -> None:
    occasion = "" if announcement["occasion"] == "launch" else f" ({announcement['occasion']})"
    state = announcement["state"] or "not planned"
    at = f"  {when(announcement['at'], zone)}" if announcement["at"] else ""
    say(f"{announcement['channel']}{occasion}: {state}{at}  {sizes(announcement)}".rstrip())
    if announcement["why"] and (announcement["state"] != "planned" or not announcement["text"]):
        say(f"  why      {flat(announcement['why'])}")
    for label, name in (("subject", "subject"), ("link", "link"), ("image", "image")):
        if announcement[name]:
            say(f"  {label:<7}  {flat(announcement[name])}")
    if announcement["image_alt"]:
        say(f"  alt      {flat(announcement['image_alt'])}")
    for line in clean(announcement["text"] or "").splitlines():
        say(f"  | {line}".rstrip())

"""A ``jobs.yaml`` to begin with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from publisher.generators.discovery import Found

PLACEHOLDER = "https://example.org"  # no command works with it


def to_yaml(found: Found, *, name: str, zone: str, zone_note: str = "") -> str:
    """Write ``jobs.yaml``. JSON strings are YAML strings, so whatever a name holds is quoted."""
    url = found.url or PLACEHOLDER
    url_note = "" if found.url else "      # where the site is public: set this"
    keys = "".join(f"{line}\n" for line in _keys(found.keys))
    return f"""\
# What publisher knows of this site. `publisher config schema` prints every key,
# `publisher check` finds what is wrong here.

site:
  name: {_quoted(name or "site")}        # names the site in the ledger; keep it for ever
  url: {url}{url_note}
  root: {found.root}
{_posts(found.posts)}
{_post_url(found.post_url)}
  generator: {found.generator.name}
  timezone: {zone}{f"    # {zone_note}" if zone_note else ""}
  release_time: "09:00"                # when a post says only the day
{keys}
state_dir: .publisher                  # ledger and outbox; not for git

# How a build holds unreleased posts. redact: the page with filler for its text; teaser: title,
# description and teaser; omit: no page; off: the site itself withholds them.
embargo: redact

rebuild:
  command: {json.dumps(list(found.command))}
  output: {_quoted(found.output)}
  timeout: 10m

verify:
  live: true                           # look at the public page before announcing
  timeout: 15m
{_listing("feed", found.feed, "/feed.xml")}{_listing("sitemap", found.sitemap, "/sitemap.xml")}
# Without channels everything goes to an outbox: files, and one page to look at.
# channels:
#   x:
#     type: x
#     api_key: {{env: X_API_KEY}}
#     api_secret: {{env: X_API_SECRET}}
#     access_token: {{env: X_ACCESS_TOKEN}}
#     access_token_secret: {{env: X_ACCESS_TOKEN_SECRET}}
#   newsletter: {{type: buttondown, token: {{env: BUTTONDOWN_TOKEN}}}}
"""


def _posts(globs: Sequence[str]) -> str:
    if len(globs) == 1:
        return f"  posts: {_as_text(globs[0])}"
    return "\n".join(("  posts:", *(f"    - {_as_text(glob)}" for glob in globs)))


def _post_url(path: str | None) -> str:
    if path is None:
        return "  # post_url: not set; a build shows the address of each post"
    return f"  post_url: {_quoted(path)}"


def _keys(keys: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if keys:
        yield "  keys:                                # frontmatter keys by what they hold"
    for name, used in keys.items():
        yield f"    {name}: [{', '.join(map(_quoted, used))}]"


def _listing(key: str, path: str | None, usual: str) -> str:
    line = f"{key}: {_quoted(path)}" if path else f"# {key}: {usual}"
    return f"  {line:<36} # must list the post, too\n"


def _quoted(text: str) -> str:
    if re.fullmatch(r"[A-Za-z/][A-Za-z0-9/._-]*", text) and text.lower() not in _WORDS:
        return text
    return _as_text(text)


def _as_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

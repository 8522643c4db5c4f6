"""What site is here: its generator, where its posts are, and a ``jobs.yaml`` to begin with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from publisher.errors import ConfigError
from publisher.presets import PRESETS
from publisher.settings import Preset

LOCALTIME = Path("/etc/localtime")

PACKAGES = {"vitepress": "vitepress", "astro": "astro", "@11ty/eleventy": "eleventy"}
FILES = {
    "hugo.toml": "hugo",
    "hugo.yaml": "hugo",
    "hugo.json": "hugo",
    "config.toml": "hugo",
    "_config.yml": "jekyll",
    "astro.config.mjs": "astro",
    "astro.config.ts": "astro",
    "eleventy.config.js": "eleventy",
    "eleventy.config.mjs": "eleventy",
    ".eleventy.js": "eleventy",
    ".vitepress": "vitepress",
}
# Where each generator keeps posts, the usual place first, and the URL they get there.
PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "vitepress": (("blog", "/blog/{slug}"), ("posts", "/posts/{slug}")),
    "hugo": (
        ("content/posts", "/posts/{slug}/"),
        ("content/post", "/post/{slug}/"),
        ("content/blog", "/blog/{slug}/"),
    ),
    "jekyll": (("_posts", "/{year}/{month}/{day}/{slug}.html"),),
    "astro": (("src/content/blog", "/blog/{slug}/"), ("src/content/posts", "/posts/{slug}/")),
    "eleventy": (
        ("posts", "/posts/{slug}/"),
        ("content/blog", "/blog/{slug}/"),
        ("blog", "/blog/{slug}/"),
        ("src/posts", "/posts/{slug}/"),
    ),
}
# The files that may say where the site is public, and how.
URLS = {
    "hugo": (("hugo.toml", "hugo.yaml", "hugo.json", "config.toml"), r"baseURL"),
    "jekyll": (("_config.yml",), r"^url"),
    "astro": (("astro.config.mjs", "astro.config.ts"), r"\bsite"),
    "vitepress": ((".vitepress/config.mts", ".vitepress/config.ts"), r"\bhostname"),
    "eleventy": (("_data/metadata.js", "_data/metadata.json"), r"\burl"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A site; ``root`` is relative to the folder of ``jobs.yaml``, ``source`` to ``root``."""

    preset: Preset
    root: str
    posts: str
    post_url: str
    command: tuple[str, ...]
    output: str
    url: str | None


def discover(folder: Path, wanted: str | None = None) -> Found:
    """Find the generator's project in a folder or its ``content``.

    :raises ConfigError: when there is none, or ``wanted`` is no generator we know.
    """
    if wanted is not None and wanted not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise ConfigError(f"there is no preset for {wanted!r}", hint=f"known: {known}")
    for root in (".", "content"):
        name = wanted or _generator(folder / root)
        if name is not None:
            return _describe(folder / root, root, PRESETS[name])
    raise ConfigError(
        f"no site was found in {folder} or in content/",
        why=f"looked for package.json with {', '.join(PACKAGES)}, and for {', '.join(FILES)}",
        hint="go to the generator's project, or name the generator with --generator",
    )


def _generator(folder: Path) -> str | None:
    package = _package(folder)
    for kind in ("dependencies", "devDependencies"):
        listed = package.get(kind)
        for name, generator in PACKAGES.items():
            if isinstance(listed, dict) and name in listed:
                return generator
    return next((generator for file, generator in FILES.items() if (folder / file).exists()), None)


def _package(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        return package if isinstance(package, dict) else {}
    return {}


def _describe(folder: Path, root: str, preset: Preset) -> Found:
    source = _source(folder, preset)
    places = PLACES[preset.name]
    place = next((p for p in places if (folder / source / p[0]).is_dir()), places[0])
    return Found(
        preset=preset,
        root=root,
        posts=f"{source}{place[0]}/**/*.md",
        post_url=place[1],
        command=_command(folder, preset),
        output=f"{source}{preset.output}",
        url=_url(folder / source, preset.name),
    )


def _source(folder: Path, preset: Preset) -> str:
    """Give where VitePress keeps its sources below its package: ``docs/`` as often as not."""
    if preset.name != "vitepress":
        return ""
    names = ("", "docs/", "src/")
    return next((name for name in names if (folder / name / ".vitepress").is_dir()), "")


def _command(folder: Path, preset: Preset) -> tuple[str, ...]:
    scripts = _package(folder).get("scripts")
    names = scripts.keys() if isinstance(scripts, dict) else ()
    if preset.rebuild[:1] == ("npm",) and "build" not in names and "docs:build" in names:
        return ("npm", "run", "docs:build")
    return preset.rebuild


def _url(folder: Path, generator: str) -> str | None:
    """Read the site's address where the generator keeps it; ``None`` when it does not say."""
    files, key = URLS[generator]
    pattern = re.compile(rf"{key}[\"']?\s*[:=]\s*[\"']?(https?://[^\s\"'#?]+)", re.MULTILINE)
    for name in files:
        with suppress(OSError, ValueError):
            found = pattern.search((folder / name).read_text(encoding="utf-8"))
            if found and _is_public(found[1]):
                return found[1].rstrip("/,;")
    return None


def _is_public(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and "." in host and not host.startswith("127.")


def find_zone(environ: Mapping[str, str]) -> tuple[str, bool]:
    """Give the zone of this machine, and whether it is known; UTC where it is not."""
    names = [environ.get("TZ", "").lstrip(":")]
    with suppress(OSError):
        names.append(str(LOCALTIME.readlink()))
    for name in names:
        zone = name.partition("zoneinfo/")[2] or name
        with suppress(ValueError, OSError, KeyError):
            if zone and not zone.startswith("/"):
                return ZoneInfo(zone).key, True
    return "UTC", False


def to_yaml(found: Found, *, name: str, zone: str, is_zone_known: bool) -> str:
    """Write ``jobs.yaml``. JSON strings are YAML strings, so whatever a name holds is quoted."""
    url = found.url or "https://example.org"
    url_note = "" if found.url else "      # where the site is public: set this"
    zone_note = "" if is_zone_known else "                # the machine does not say: set this"
    return f"""\
# What publisher knows of this site. `publisher config schema` prints every key,
# `publisher check` finds what is wrong here.

site:
  name: {_quoted(name or "site")}        # names the site in the ledger; keep it for ever
  url: {url}{url_note}
  root: {found.root}
  posts: "{found.posts}"
  post_url: {_quoted(found.post_url)}
  generator: {found.preset.name}
  timezone: {zone}{zone_note}
  release_time: "09:00"                # when a post says only the day

state_dir: .publisher                  # ledger and outbox; not for git

rebuild:
  command: {json.dumps(list(found.command))}
  output: {found.output}
  timeout: 10m

verify:
  live: true                           # look at the public page before announcing
  timeout: 15m
  # feed: /feed.xml                    # must show the post, too
  # sitemap: /sitemap.xml

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


def _quoted(text: str) -> str:
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

"""What VitePress, Astro and Eleventy share: a package of npm, and a program as configuration."""

from __future__ import annotations

import re
from pathlib import Path

from publisher.generators.base import Generator
from publisher.generators.config_files import (
    GeneratorConfig,
    read_scripts,
    read_whole,
    without_comments,
)

# Names by which scripts keep the address of their site.
ADDRESS_NAMES = ("siteUrl", "siteURL", "SITE_URL", "baseUrl", "baseURL", "domain", "website")
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}
_NO_BUILD = re.compile(r"--(?:serve|watch)|vitepress dev")


class NodeGenerator(Generator):
    def _read_config_file(self, file: Path) -> str:
        return without_comments(read_whole(file))

    def build_command(self, root: Path) -> tuple[str, ...]:
        """Give the command that runs the script of ``package.json`` that builds."""
        scripts = read_scripts(root)
        runner = next((name for lock, name in _LOCKS.items() if (root / lock).is_file()), "npm")
        program = re.compile(self._program)
        builds = [
            name
            for name, text in scripts.items()
            if program.search(text) and not _NO_BUILD.search(text)
        ]
        usual = [name for name in ("build", "docs:build") if name in scripts]
        ours = next((name for name in usual if name in builds), None)
        chosen = ours or next(iter((*usual, *builds)), None)
        return self._without_script(root) if chosen is None else (runner, "run", chosen)

    @property
    def _program(self) -> str:
        """Give the program that builds, as scripts call it."""
        return f"{self.name} build"

    def _without_script(self, root: Path) -> tuple[str, ...]:
        return ("npx", self.name, "build", *filter(None, (self.project(root),)))

    def base_path(self, config: GeneratorConfig) -> str:
        named = re.search(r"\bbase\s*:\s*[\"'`]/([\w./-]*)[\"'`]", config.text)
        return named[1].strip("/") if named else ""

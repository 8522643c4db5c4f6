"""``publisher config``: about ``jobs.yaml``."""

from __future__ import annotations

import click

from publisher.cli.output import say_json
from publisher.config import schema as describe


@click.group(epilog="Example: publisher config schema")
def config() -> None:
    """Print the JSON Schema of jobs.yaml."""


@config.command(epilog="Example: publisher config schema")
def schema() -> None:
    """Print the JSON Schema, for editors that check YAML."""
    say_json(describe())

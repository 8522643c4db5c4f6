"""The long-running process and its systemd units."""

"""What is shown, as plain values, for the CLI and the alerts."""

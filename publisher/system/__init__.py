"""What the program asks of the machine: clock, files, processes, HTTP, locks, log."""

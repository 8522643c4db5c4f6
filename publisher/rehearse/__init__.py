"""The calendar played in virtual time, on a copy of the project."""

"""One numbered file per schema change; what was released is never edited."""

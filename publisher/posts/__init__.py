"""Posts: their frontmatter, the scan of all of them, the flip and the reschedule."""

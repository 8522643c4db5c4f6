"""What one tick does: release, rebuild, verify and announce what is due."""

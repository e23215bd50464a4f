"""Plans side by side: what they were told, what they decide, what it brings, and why one brings more."""

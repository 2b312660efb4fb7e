"""Releases: what one is, how it is identified, and the manifest that the release store keeps of it."""

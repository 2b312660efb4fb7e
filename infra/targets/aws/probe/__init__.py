"""Code that Lambda runs, given to it as files: it imports nothing of ours, and nobody imports it but tests."""

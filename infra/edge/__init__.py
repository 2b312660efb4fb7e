"""Cloudflare in front of an environment on AWS: names, cache, limits, the origin's proof, and the cron Worker."""

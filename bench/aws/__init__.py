"""The AWS program's speed, as far as it can be known without an account: how long its evaluation takes, how much it
makes, and the longest chain of what waits for what, from published times."""

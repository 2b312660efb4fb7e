"""`pitchbar bootstrap`: what must be in an AWS account before the first `pulumi up`: the bucket of the states, the keys
of their secrets, and the roles that may deploy. Safe to repeat and to interrupt: each step looks first."""

"""The ``pitchbar`` Pulumi provider plugin: the services of the local target, secrets, migrations and verification."""

"""The plugin's resources on AWS: one-off tasks and the proof of a roll-out, by boto3."""

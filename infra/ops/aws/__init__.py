"""What the commands do on a stack of target aws, by boto3 and with the operator's own credentials: look, read logs,
back up. Nothing here needs Pulumi's state or the passphrase: a role that may only read is enough."""

"""The resources of the local target: real services on this machine, supervised by Supervisor."""

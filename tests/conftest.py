"""What holds for every test."""

import signal

# A shell that starts something in the background has it ignore SIGINT, and so would every command that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

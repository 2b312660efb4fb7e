"""What people run on the checkout itself: set-up, locks, the language host."""

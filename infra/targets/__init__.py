"""Plans: what an environment is made of in each place it can land."""

"""What functions and values are made of, part by part, as far as it tells what they would do.

Nothing here decides: who takes fingerprints says what is looked at, and how much of it.
"""

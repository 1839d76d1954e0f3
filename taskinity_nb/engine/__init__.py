"""When and where tasks run."""

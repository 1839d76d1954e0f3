"""Whether the annotations of a task's result and of the parameter that takes it can fit.

They are only read; no value is looked at, and nothing that they say is enforced."""

"""The forms of the language: what may stand in a flow beside the names of its tasks."""

"""The nouns: flow, plan, run, record, task, events.

Nothing but the standard library and the ground floor may be imported here.
"""

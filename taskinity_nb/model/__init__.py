"""The nouns: flow, plan, run, record, task, events.

Nothing but the standard library and the rooms below may be imported here.
"""

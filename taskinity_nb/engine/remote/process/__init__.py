"""What a call finds in its process: streams and what is printed, forks, frames, the CPU's clock.

It travels to the cluster, like all of `remote`: the standard library and nothing else.
"""

"""What people ask of gfd: why a pod does not match, which nodes there are, what a label means.

The agent imports none of it.
"""

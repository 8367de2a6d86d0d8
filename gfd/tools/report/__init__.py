"""Write an HTML page about GPUs: one card for each node, and a nodeSelector that grows with each click.

The page is one file that contains its style, script and data. Its Content-Security-Policy allows no others.
"""

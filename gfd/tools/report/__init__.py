"""Write an HTML page about GPUs: one card for each node, and a nodeSelector made by clicking.

The page is one file with its style, script and data. Its Content-Security-Policy allows nothing else.
"""

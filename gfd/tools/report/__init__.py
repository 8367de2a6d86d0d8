"""One page about GPUs: a card a node, each GPU drawn, a nodeSelector put together by clicking.

The page is one file that asks for nothing: style, script and data are in it, and its Content-Security-Policy
lets nothing else run. The agent imports none of this.
"""

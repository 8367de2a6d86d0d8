"""Write ResourceClaimTemplates for NVIDIA's DRA driver, as ``gfd select`` and ``gfd match`` print them."""

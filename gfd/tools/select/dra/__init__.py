"""Write the wishes of ``gfd select`` as a ResourceClaimTemplate for NVIDIA's DRA driver."""

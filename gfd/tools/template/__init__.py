"""What a node will have before it exists: its labels, devices and taints, as autoscalers read them."""

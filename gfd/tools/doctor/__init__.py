"""Everything between the GPU and the label, examined in one pass that changes nothing."""

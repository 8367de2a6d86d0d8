"""Turn an inventory into labels: MIG strategies, sharing, templates. No input or output, no clock."""

"""Turn an inventory into labels: MIG strategies, sharing, templates. No I/O, no clock."""

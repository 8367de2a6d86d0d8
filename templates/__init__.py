"""The label templates: the only place where label keys are written down."""

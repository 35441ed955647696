"""Which items tell of one event. Pure: candidates come in as values, members with reasons go out."""

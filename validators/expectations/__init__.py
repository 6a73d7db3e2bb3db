"""Great Expectations: its names over streamed columns, and itself where nothing else knows the answer."""

"""The ways a condition enters a network: concat, modulation, cross-attention, prefix."""

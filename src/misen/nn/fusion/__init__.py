"""Ways for a condition to enter a network: concat, modulation, cross-attention, prefix."""

"""`fly ssh …`: into running machines, without SSH (decision 0036)."""
